import { type Record, recorded } from '../audit/recording.ts'
import type { DatabaseTransaction } from '../store/schema.ts'
import type { IdentityContext } from './identity-context.ts'
import { endSendersWithoutSession } from './session-senders.ts'

/**
 * As `recorded`, for whatever ends sessions: their senders end in the same transaction, and broker and clients hear of it. It
 * waits for a change under way, as changes do for one another: a sender that is just being entered is seen, and ends too.
 */
export async function endingSessions<T>(
  context: IdentityContext,
  work: (transaction: DatabaseTransaction, record: Record) => Promise<T>,
): Promise<T> {
  const { result, revision } = await recorded(context, async (transaction, record) => {
    await transaction
      .updateTable('deployment')
      .set((eb) => ({ revision: eb.ref('revision') }))
      .execute()
    const result = await work(transaction, record)
    return { result, revision: await endSendersWithoutSession(transaction, record, context.now()) }
  })
  if (revision !== null) await context.changes.committed(revision)
  return result
}
