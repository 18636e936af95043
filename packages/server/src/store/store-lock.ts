import pg from 'pg'
import { StartError } from '../authority-error.ts'

// Any number, as long as every authority takes the same.
const lockNumber = 1_936_550_253

/**
 * Makes sure that one authority only works on a PostgreSQL store: rights are answered from memory, and two memories would
 * differ. The lock lasts as long as its connection; it guards against a mistake at the start, not against a lost network.
 * @returns how to let go
 * @throws StartError `data-locked`, `store-unreachable`
 */
export async function lockStore(location: string): Promise<() => Promise<void>> {
  const client = new pg.Client({ connectionString: location, connectionTimeoutMillis: 5000 })
  client.on('error', () => {})
  await client.connect().catch(() => {
    throw new StartError('store-unreachable', 'PostgreSQL of --store does not answer. Check the address and the user.')
  })
  const { rows } = await client.query<{ locked: boolean }>('select pg_try_advisory_lock($1) as locked', [lockNumber])
  if (!rows[0]?.locked) {
    await client.end()
    throw new StartError('data-locked', 'Another authority runs on this --store. Stop it, or name another database.')
  }
  return () => client.end().catch(() => {})
}
