import { applyChange } from '../administration/change.ts'
import { removeSender } from '../administration/revocation.ts'
import { recorded } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import type { Database } from '../store/schema.ts'
import type { IdentityContext } from './identity-context.ts'
import { hashSecret } from './secrets.ts'

/**
 * A token that was replaced is refused and nothing more for so long, ms: a request with it was on its way. Whoever keeps
 * tokens reads the newest before each request.
 */
export const renewalGrace = 60_000

/**
 * Takes the next token of a sender, made where it will be used and written there before. The one before stays good until the
 * next is used. The same again is taken again, so that nobody is locked out by a lost answer.
 * @throws AuthorityError `credential-copied` when another next one was given: somebody else has the same folder;
 *   `bad-request` (not new), `conflict` (at the same time), `not-signed-in`
 */
export async function takeNextToken(context: IdentityContext, sender: number, token: string): Promise<void> {
  const hash = hashSecret(token)
  const isCopied = await recorded(context, async (transaction, record) => {
    const row = await transaction
      .selectFrom('senders')
      .select(['name', 'token_hash', 'next_token_hash', 'token_generation'])
      .where('sender', '=', sender)
      .where('revoked_at', 'is', null)
      .executeTakeFirst()
    if (!row) throw new AuthorityError('not-signed-in', 'This sender was revoked. Sign in again.')
    if (row.next_token_hash !== null) return !isSame(row.next_token_hash, hash)
    const spent = await transaction
      .selectFrom('spent_tokens')
      .select('sender')
      .where('token_hash', '=', hash)
      .executeTakeFirst()
    if (spent || isSame(row.token_hash, hash)) {
      throw new AuthorityError('bad-request', 'The next token was used before. Make a new one of 256 random bits.')
    }
    const { numUpdatedRows } = await transaction
      .updateTable('senders')
      .set({ next_token_hash: hash })
      .where('sender', '=', sender)
      .where('next_token_hash', 'is', null)
      .executeTakeFirst()
    if (Number(numUpdatedRows) === 0)
      throw new AuthorityError('conflict', 'It was renewed at the same time. Ask again.')
    record({
      action: 'sender.renew',
      on: { kind: 'sender', id: String(sender), name: row.name },
      detail: { generation: row.token_generation + 1 },
    })
    return false
  })
  if (isCopied) throw await shutOutCopies(context, sender)
}

/** The first use of the next token: from now on it is the token, and the one before is spent. */
export async function beginNextToken(store: Database, now: number, sender: number, token: string): Promise<void> {
  const hash = hashSecret(token)
  await store.transaction().execute(async (transaction) => {
    const row = await transaction
      .selectFrom('senders')
      .select('token_hash')
      .where('sender', '=', sender)
      .where('next_token_hash', '=', hash)
      .executeTakeFirst()
    if (!row) return
    const { numUpdatedRows } = await transaction
      .updateTable('senders')
      .set((eb) => ({
        token_hash: hash,
        next_token_hash: null,
        token_generation: eb('token_generation', '+', 1),
        token_since: now,
      }))
      .where('sender', '=', sender)
      .where('next_token_hash', '=', hash)
      .executeTakeFirst()
    // Of two requests that come at once one begins it.
    if (Number(numUpdatedRows) === 0) return
    await transaction
      .insertInto('spent_tokens')
      .values({ token_hash: row.token_hash, sender, spent_at: now })
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  })
}

/** A token that was good once, and whose it is. */
export interface SpentToken {
  sender: number
  member: string
  /** ms */
  spentAt: number
  isRevoked: boolean
  /** The sender was shut out because two copies of it were there. */
  isCopied: boolean
}

/** What a token was that is good no more, or null when it never was, or its sender was revoked for other reasons. */
export async function spentToken(store: Database, token: string): Promise<SpentToken | null> {
  const hash = hashSecret(token)
  const spent = await store
    .selectFrom('spent_tokens')
    .innerJoin('senders', 'senders.sender', 'spent_tokens.sender')
    .select(['senders.sender as sender', 'member_id', 'spent_at', 'revoked_at', 'copied_at'])
    .where('spent_tokens.token_hash', '=', hash)
    .executeTakeFirst()
  // Who holds the newest of a sender that was shut out hears the same as the other.
  const last = await store
    .selectFrom('senders')
    .select(['sender', 'member_id', 'revoked_at', 'copied_at'])
    .where((eb) => eb.or([eb('token_hash', '=', hash), eb('next_token_hash', '=', hash)]))
    .where('copied_at', 'is not', null)
    .executeTakeFirst()
  const row = spent ?? (last && { ...last, spent_at: 0 })
  if (!row || (row.revoked_at !== null && row.copied_at === null)) return null
  return {
    sender: row.sender,
    member: row.member_id,
    spentAt: row.spent_at,
    isRevoked: row.revoked_at !== null,
    isCopied: row.copied_at !== null,
  }
}

/**
 * Two installations have one folder. Which is the true one nobody can tell: the copy may have renewed first. So neither goes
 * on, and what was shared ends: the sender is revoked, with new epochs.
 * @returns what both are told
 */
export async function shutOutCopies(context: IdentityContext, sender: number): Promise<AuthorityError> {
  await applyChange(context.changes, async (change) => {
    const row = await change.transaction
      .selectFrom('senders')
      .select(['sender', 'member_id as member', 'name'])
      .where('sender', '=', sender)
      .executeTakeFirstOrThrow()
    await change.transaction
      .updateTable('senders')
      .set({ copied_at: change.now })
      .where('sender', '=', sender)
      .where('copied_at', 'is', null)
      .execute()
    change.record({
      action: 'sender.copied',
      on: { kind: 'sender', id: String(sender), name: row.name },
      detail: { member: row.member },
    })
    await removeSender(change, row)
  })
  return copied()
}

/** What both copies are told. */
export const copied = (): AuthorityError =>
  new AuthorityError(
    'credential-copied',
    'Two installations had the same credentials, so both are shut out. Find the copy, then enrol anew: sealmq devices ticket NAME, or sealmq login.',
  )

const isSame = (one: Uint8Array, other: Uint8Array) => Buffer.compare(one, other) === 0
