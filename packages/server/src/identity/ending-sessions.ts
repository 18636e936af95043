import { type Record, recorded } from '../audit/recording.ts'
import type { DatabaseTransaction } from '../store/schema.ts'
import { forgetEndedSenders } from './forget-senders.ts'
import type { IdentityContext } from './identity-context.ts'
import { endSendersWithoutSession, nextDirectory } from './session-senders.ts'

/**
 * As `recorded`, for whatever ends sessions: their senders end in the same transaction, and broker and clients hear of it. It
 * waits for a change under way, as changes do for one another: a sender that is just being entered is seen, and ends too.
 */
export async function endingSessions<T>(
  context: IdentityContext,
  work: (transaction: DatabaseTransaction, record: Record) => Promise<T>,
): Promise<T> {
  const { result, revision } = await recorded(context, async (transaction, record) => {
    await waitForChanges(transaction)
    const result = await work(transaction, record)
    return { result, revision: await endSendersWithoutSession(transaction, record, context.now()) }
  })
  if (revision !== null) await context.changes.committed(revision)
  return result
}

/** Ends the senders of sessions that are over by their time, and forgets ended ones that nobody needs in the directory. */
export async function sweepSenders(context: IdentityContext): Promise<void> {
  await endingSessions(context, async () => {})
  const revision = await context.store.transaction().execute(async (transaction) => {
    await waitForChanges(transaction)
    const forgotten = await forgetEndedSenders(transaction, context.now())
    return forgotten > 0 ? nextDirectory(transaction) : null
  })
  if (revision !== null) await context.changes.committed(revision)
}

// As each change does first, so that none of two waits for the other.
async function waitForChanges(transaction: DatabaseTransaction): Promise<void> {
  await transaction
    .updateTable('deployment')
    .set((eb) => ({ revision: eb.ref('revision') }))
    .execute()
}
