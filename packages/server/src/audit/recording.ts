import type { AuditEvent, AuditOrigin } from '@sealmq/audit-log'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import { appendRecords, type NewRecord } from './append.ts'

/** What recording needs: where, who, when. */
export interface RecordingContext {
  store: Database
  /** Who does it, from where, in which request. */
  by: AuditOrigin
  now: () => number
  /** Told when records could not be appended. */
  appendFailed?: () => void
}

/** Says what happened; `by` when it was somebody else than the context says. */
export type Record = (event: AuditEvent, by?: AuditOrigin) => void

/**
 * A transaction whose records are appended as its last act: what could not be recorded has not happened.
 * Nothing but SQL is awaited inside.
 */
export function recorded<T>(
  context: RecordingContext,
  work: (transaction: DatabaseTransaction, record: Record) => Promise<T>,
): Promise<T> {
  return context.store.transaction().execute(async (transaction) => {
    const { record, append } = collectRecords(transaction, context)
    const result = await work(transaction, record)
    await append(context.now())
    return result
  })
}

/** Records what no transaction of its own belongs to: a refusal, a start. */
export async function recordAlone(context: RecordingContext, ...events: AuditEvent[]): Promise<void> {
  await recorded(context, async (_transaction, record) => {
    for (const event of events) record(event)
  })
}

/** For whoever runs the transaction: collects records, and appends them when all else is done. */
export function collectRecords(
  transaction: DatabaseTransaction,
  { by, appendFailed }: Pick<RecordingContext, 'by' | 'appendFailed'>,
) {
  const collected: NewRecord[] = []
  return {
    record: ((event, other) => collected.push({ event, origin: other ?? by })) satisfies Record as Record,
    /** @param now ms @returns how many there were */
    append: async (now: number): Promise<number> => {
      await appendRecords(transaction, collected, now).catch((error: unknown) => {
        appendFailed?.()
        throw error
      })
      return collected.length
    },
  }
}
