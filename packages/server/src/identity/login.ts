import { AuthorityError } from '../authority-error.ts'
import type { Database } from '../store/schema.ts'
import { verifyPassword } from './passwords.ts'
import { hashSecret, newSecret } from './secrets.ts'

/** Wrong passwords in a row after which the account is locked, and for how long, ms. */
export const allowedTries = 3
export const lockTime = 5 * 60_000
/** How long a session lasts, ms. */
export const sessionTime = 12 * 3_600_000

export const normalEmail = (email: string): string => email.trim().normalize('NFC').toLowerCase()

/**
 * Signs a member in. An unknown name, a wrong password and a locked account are answered alike and take alike long.
 * @throws AuthorityError `wrong-credentials`
 */
export async function logIn(
  store: Database,
  email: string,
  password: string,
  now: () => number,
): Promise<{ member: string; token: string; expiresAt: number }> {
  // The try is counted before the password is looked at, so that parallel guesses cannot outrun the count.
  const at = now()
  const member = await store
    .updateTable('members')
    .set((eb) => ({
      failed_tries: eb
        .case()
        .when('failed_tries', '>=', allowedTries - 1)
        .then(0)
        .else(eb('failed_tries', '+', 1))
        .end(),
      locked_until: eb
        .case()
        .when('failed_tries', '>=', allowedTries - 1)
        .then(at + lockTime)
        .else(eb.ref('locked_until'))
        .end(),
    }))
    .where('email', '=', normalEmail(email))
    .where('locked_until', '<=', at)
    .returning(['id', 'password'])
    .executeTakeFirst()
  const isRight = await verifyPassword(password, member?.password ?? null)
  if (!member || !isRight) {
    throw new AuthorityError(
      'wrong-credentials',
      'The email or the password is wrong, or the account is locked for some minutes. Check both, then wait and try again.',
    )
  }
  await store.updateTable('members').set({ failed_tries: 0, locked_until: 0 }).where('id', '=', member.id).execute()
  return { member: member.id, ...(await startSession(store, member.id, now())) }
}

/** Starts a session; the store keeps only the token's hash. */
export async function startSession(
  store: Database,
  member: string,
  now: number,
): Promise<{ token: string; expiresAt: number }> {
  const token = newSecret()
  const expiresAt = now + sessionTime
  await store.deleteFrom('sessions').where('expires_at', '<', now).execute()
  await store
    .insertInto('sessions')
    .values({ token_hash: hashSecret(token), member_id: member, created_at: now, expires_at: expiresAt })
    .execute()
  return { token, expiresAt }
}

/** Ends a session; ending it twice is no fault. */
export async function endSession(store: Database, token: string): Promise<void> {
  await store.deleteFrom('sessions').where('token_hash', '=', hashSecret(token)).execute()
}

/** The member of a session token, or null. */
export async function sessionMember(store: Database, token: string, now: number): Promise<string | null> {
  const row = await store
    .selectFrom('sessions')
    .select('member_id')
    .where('token_hash', '=', hashSecret(token))
    .where('expires_at', '>', now)
    .executeTakeFirst()
  return row?.member_id ?? null
}

/** The living sender of a sender token, or null. */
export async function tokenSender(store: Database, token: string): Promise<{ sender: number; member: string } | null> {
  const row = await store
    .selectFrom('senders')
    .select(['sender', 'member_id as member'])
    .where('token_hash', '=', hashSecret(token))
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  return row ?? null
}
