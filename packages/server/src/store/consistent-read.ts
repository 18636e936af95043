import { PostgresAdapter } from 'kysely'
import type { Database, DatabaseTransaction } from './schema.ts'

/** Reads several tables as they were at one moment. SQLite's one connection gives that by itself. */
export function consistentRead<T>(store: Database, work: (transaction: DatabaseTransaction) => Promise<T>): Promise<T> {
  const isPostgres = store.getExecutor().adapter instanceof PostgresAdapter
  const transaction = store.transaction()
  return (
    isPostgres ? transaction.setIsolationLevel('repeatable read').setAccessMode('read only') : transaction
  ).execute(work)
}
