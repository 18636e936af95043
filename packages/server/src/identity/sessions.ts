import { randomUUID } from 'node:crypto'
import type { SessionInfo } from '@sealmq/protocol/api'
import { AuthorityError } from '../authority-error.ts'
import type { Database } from '../store/schema.ts'
import { isDiskFull } from '../store/store-failure.ts'
import { hashSecret, newSecret } from './secrets.ts'

/** Where a request came from. */
export interface Origin {
  /** Source address. */
  address: string
  /** What the program says of itself. */
  client: string
}

/** A living session. Times ms. */
export interface LivingSession {
  id: string
  member: string
  factorAt: number
}

/** The time of last use is written at most so often, ms. */
const useStep = 60_000

/** Starts a session; the store keeps only the token's hash. */
export async function startSession(
  store: Database,
  member: string,
  { now, sessionTime, origin }: { now: number; sessionTime: number; origin: Origin },
): Promise<{ id: string; token: string; expiresAt: number }> {
  const id = randomUUID()
  const token = newSecret()
  const expiresAt = now + sessionTime
  await store.deleteFrom('sessions').where('expires_at', '<', now).execute()
  await store
    .insertInto('sessions')
    .values({
      id,
      token_hash: hashSecret(token),
      member_id: member,
      created_at: now,
      expires_at: expiresAt,
      last_used_at: now,
      address: origin.address,
      client: origin.client.slice(0, 200),
      factor_at: now,
    })
    .execute()
  return { id, token, expiresAt }
}

/** The living session of a token, or null; notes its use. */
export async function findSession(store: Database, token: string, now: number): Promise<LivingSession | null> {
  const row = await store
    .selectFrom('sessions')
    .innerJoin('members', 'members.id', 'sessions.member_id')
    .select(['sessions.id', 'member_id', 'factor_at', 'last_used_at'])
    .where('token_hash', '=', hashSecret(token))
    .where('expires_at', '>', now)
    .where('locked_at', 'is', null)
    .executeTakeFirst()
  if (!row) return null
  if (Math.abs(now - row.last_used_at) > useStep) {
    const noted = store.updateTable('sessions').set({ last_used_at: now }).where('id', '=', row.id).execute()
    // Whoever looks why nothing works any more must be let in.
    await noted.catch((error: Error) => {
      if (!isDiskFull(error)) throw error
    })
  }
  return { id: row.id, member: row.member_id, factorAt: row.factor_at }
}

/**
 * That a session was not ended meanwhile: what it began must not outlive it. Belongs into the transaction of the change.
 * @returns when it is over by its time, ms
 * @throws AuthorityError `not-signed-in`
 */
export async function requireLivingSession(
  transaction: Database,
  { id }: Pick<LivingSession, 'id'>,
): Promise<{ id: string; until: number }> {
  const row = await transaction
    .selectFrom('sessions')
    .select(['id', 'expires_at as until'])
    .where('id', '=', id)
    .executeTakeFirst()
  if (!row) throw new AuthorityError('not-signed-in', 'The session has ended. Sign in with sealmq login.')
  return row
}

/** A member's sessions, the latest first. */
export async function listSessions(
  store: Database,
  member: string,
  current: string,
  now: number,
): Promise<SessionInfo[]> {
  const rows = await store
    .selectFrom('sessions')
    .select(['id', 'created_at', 'last_used_at', 'expires_at', 'address', 'client'])
    .where('member_id', '=', member)
    .where('expires_at', '>', now)
    .orderBy('created_at', 'desc')
    .execute()
  return rows.map((row) => ({
    id: row.id,
    current: row.id === current,
    createdAt: row.created_at,
    lastUsedAt: row.last_used_at,
    expiresAt: row.expires_at,
    address: row.address,
    client: row.client,
  }))
}

/** Ends one of a member's sessions. @returns whether there was one */
export async function endSession(store: Database, member: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await store
    .deleteFrom('sessions')
    .where('member_id', '=', member)
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
  return numDeletedRows > 0n
}

/** Ends a member's sessions, all or all but one. */
export async function endSessions(store: Database, member: string, but?: string): Promise<void> {
  await store
    .deleteFrom('sessions')
    .where('member_id', '=', member)
    .$if(but !== undefined, (query) => query.where('id', '!=', but!))
    .execute()
}

/** Notes that a session's person has just given a factor. */
export async function refreshFactor(store: Database, id: string, now: number): Promise<void> {
  await store.updateTable('sessions').set({ factor_at: now }).where('id', '=', id).execute()
}
