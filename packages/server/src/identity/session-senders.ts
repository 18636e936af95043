import { type Expression, expressionBuilder, type SqlBool, sql } from 'kysely'
import type { Change } from '../administration/change.ts'
import type { Record } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import type { DatabaseTransaction, Schema } from '../store/schema.ts'

/** Most living senders of one session. */
export const maximumSessionSenders = 16
/** Most of them that a member enters within an hour: each stays in the directory for a while, also when it has ended. */
const maximumAnHour = 100
const hour = 3_600_000

/** That a sender's session, if it is bound to one, lives: for the `where` of any query over senders. @param now ms */
export function sessionLives(now: number): Expression<SqlBool> {
  const eb = expressionBuilder<Schema, 'senders'>()
  return eb.and([
    eb('senders.ended_at', 'is', null),
    eb.or([
      eb('senders.session_id', 'is', null),
      eb.exists(
        eb
          .selectFrom('sessions')
          .select(sql`1`.as('one'))
          .whereRef('sessions.id', '=', 'senders.session_id')
          .where('sessions.expires_at', '>', now),
      ),
    ]),
  ])
}

/**
 * Ends every sender whose session is gone or over; belongs into each transaction that ends sessions, as its last act.
 * @returns the new revision, to be committed to broker and clients, or null when there was none to end
 */
export async function endSendersWithoutSession(
  transaction: DatabaseTransaction,
  record: Record,
  now: number,
): Promise<number | null> {
  const orphans = await transaction
    .selectFrom('senders')
    .select(['sender', 'name', 'member_id'])
    .where('session_id', 'is not', null)
    .where('revoked_at', 'is', null)
    .where('ended_at', 'is', null)
    .where((eb) => eb.not(sessionLives(now)))
    .execute()
  if (orphans.length === 0) return null
  const revision = await nextDirectory(transaction)
  await markEnded(transaction, record, orphans, now)
  return revision
}

/** The signed directory becomes another one. @returns the new revision */
export async function nextDirectory(transaction: DatabaseTransaction): Promise<number> {
  const { revision } = await transaction
    .updateTable('deployment')
    .set((eb) => ({ revision: eb('revision', '+', 1), directory_number: eb('revision', '+', 1) }))
    .returning('revision')
    .executeTakeFirstOrThrow()
  return revision
}

/** Ends senders by a change: by themselves, or because their session has too many. */
export async function endSenders(change: Change, senders: readonly EndingSender[]): Promise<void> {
  if (senders.length === 0) return
  await change.touchDirectory()
  await markEnded(change.transaction, change.record, senders, change.now)
}

/** That a member may enter one more. Belongs into the transaction of the change. @throws AuthorityError `too-many-tries` */
export async function admitSessionSender(transaction: DatabaseTransaction, member: string, now: number): Promise<void> {
  const entered = await transaction
    .selectFrom('senders')
    .select('created_at')
    .where('member_id', '=', member)
    .where('session_id', 'is not', null)
    .where('created_at', '>', now - hour)
    // Those of before the clock went back count for no longer than others.
    .where('created_at', '<=', now)
    .orderBy('created_at', 'desc')
    .limit(maximumAnHour)
    .execute()
  if (entered.length < maximumAnHour) return
  const seconds = Math.ceil((entered.at(-1)!.created_at + hour - now) / 1000)
  throw new AuthorityError('too-many-tries', `Too many tabs were opened in short time. Wait ${seconds} s.`, {
    retryAfter: seconds,
  })
}

/** The living senders of a session that must end so that one more has room: the oldest. */
export async function surplusSenders(transaction: DatabaseTransaction, session: string): Promise<EndingSender[]> {
  const living = await transaction
    .selectFrom('senders')
    .select(['sender', 'name', 'member_id'])
    .where('session_id', '=', session)
    .where('revoked_at', 'is', null)
    .where('ended_at', 'is', null)
    .orderBy('sender', 'desc')
    .execute()
  return living.slice(maximumSessionSenders - 1)
}

export interface EndingSender {
  sender: number
  name: string
  member_id: string
}

async function markEnded(
  transaction: DatabaseTransaction,
  record: Record,
  ending: readonly EndingSender[],
  now: number,
): Promise<void> {
  const senders = ending.map(({ sender }) => sender)
  await transaction
    .updateTable('senders')
    .set((eb) => ({
      // A session ends by its time before anybody sweeps: nothing sealed after that opens.
      ended_at: eb.case().when('session_until', '<', now).then(eb.ref('session_until')).else(now).end(),
    }))
    .where('sender', 'in', senders)
    .where('ended_at', 'is', null)
    .execute()
  await transaction
    .insertInto('outbox')
    .values(senders.map((sender) => ({ action: 'remove-sender' as const, sender, created_at: now })))
    .execute()
  for (const { sender, name, member_id } of ending) {
    record({
      action: 'sender.end',
      on: { kind: 'sender', id: String(sender), name },
      detail: { member: member_id },
    })
  }
}
