import type { DatabaseTransaction } from '../store/schema.ts'

/** Most ended senders of one member that stay in the directory. */
export const maximumEndedSenders = 200
/** Receivers take what was sealed so long after a sender's end, ms (docs/protocol.md, section 8, step 5). */
const endTolerance = 5_000
/** Both engines take at most 32,766 values in a statement. */
const rowsAtOnce = 1000

/**
 * Forgets ended senders, so that the directory, which everybody fetches, stays bounded: those of which nothing can be opened any
 * more, since every epoch that began before their end is past its time; and of one member the oldest beyond
 * `maximumEndedSenders`. Messages of a forgotten sender are refused as `unknown-sender`. Its id is never given again, and the
 * audit log keeps its name. Nothing but SQL is awaited inside.
 * @param now ms
 * @returns how many
 */
export async function forgetEndedSenders(transaction: DatabaseTransaction, now: number): Promise<number> {
  const ended = await transaction
    .selectFrom('senders')
    .select(['sender', 'member_id', 'ended_at'])
    .where('session_id', 'is not', null)
    .where('revoked_at', 'is', null)
    .where('ended_at', 'is not', null)
    .orderBy('sender', 'desc')
    .execute()
  if (ended.length === 0) return 0
  const { oldest } = await transaction
    .selectFrom('epochs')
    .select((eb) => eb.fn.min('started_at').as('oldest'))
    .where((eb) => eb.or([eb('open_until', 'is', null), eb('open_until', '>=', now)]))
    .executeTakeFirstOrThrow()
  // The times of both engines; null when there is no epoch.
  const openSince = oldest === null ? Number.POSITIVE_INFINITY : Number(oldest)
  const kept = new Map<string, number>()
  const forgotten = ended.filter(({ member_id, ended_at }) => {
    const newer = kept.get(member_id) ?? 0
    if (newer >= maximumEndedSenders || openSince > ended_at! + endTolerance) return true
    kept.set(member_id, newer + 1)
    return false
  })
  const senders = forgotten.map(({ sender }) => sender)
  for (let start = 0; start < senders.length; start += rowsAtOnce) {
    const part = senders.slice(start, start + rowsAtOnce)
    await transaction.deleteFrom('spent_tokens').where('sender', 'in', part).execute()
    // What they were given stands in the audit log; this only says what need not be recorded again.
    await transaction.deleteFrom('given_epochs').where('sender', 'in', part).execute()
    await transaction.deleteFrom('senders').where('sender', 'in', part).execute()
  }
  return senders.length
}
