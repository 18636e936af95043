import type { AuditEvent, AuditTarget } from '@sealmq/audit-log'
import type { Database } from '../store/schema.ts'

/** How many failures lock, and for how long, ms. */
export interface TryLimits {
  allowed: number
  lock: number
  longestLock: number
}

/** One row of the count. Times ms. */
export interface TryCount {
  count: number
  level: number
  lockedUntil: number
  updatedAt: number
}

/** Whether a try may go on; when not, until when. */
export type Admission =
  | { admitted: true; lockedUntil: number | null }
  /** ms */
  | { admitted: false; lockedUntil: number }

/** After so long without a failure or a lock the next lock is a first one again, ms. */
const forgetAfter = 24 * 3_600_000

export const noTries: TryCount = { count: 0, level: 0, lockedUntil: 0, updatedAt: 0 }

/**
 * Counts a try before it is known whether it succeeds. The last one allowed is let through and locks at once; success
 * clears the count. A lock that reaches further than any could was made before the clock went back, and is shortened.
 */
export function judgeTry(before: TryCount, limits: TryLimits, now: number): { after: TryCount; admission: Admission } {
  const lockedUntil = Math.min(before.lockedUntil, now + lockOf(limits, before.level - 1))
  if (now < lockedUntil) return { after: { ...before, lockedUntil }, admission: { admitted: false, lockedUntil } }
  const isForgotten = now - Math.max(before.updatedAt, lockedUntil) > forgetAfter
  const level = isForgotten ? 0 : before.level
  const count = (isForgotten ? 0 : before.count) + 1
  if (count < limits.allowed) {
    return { after: { count, level, lockedUntil: 0, updatedAt: now }, admission: { admitted: true, lockedUntil: null } }
  }
  const until = now + lockOf(limits, level)
  return {
    after: { count: 0, level: level + 1, lockedUntil: until, updatedAt: now },
    admission: { admitted: true, lockedUntil: until },
  }
}

/** What is recorded of a lock. @param of what was tried too often @param until ms */
export const lockEvent = (
  on: AuditTarget,
  of: 'password' | 'second factor' | 'own password',
  until: number,
): AuditEvent => ({ action: 'login.lock', on, detail: { of, until } })

const lockOf = ({ lock, longestLock }: TryLimits, level: number) =>
  Math.min(lock * 2 ** Math.max(0, level), longestLock)

/** Counts a try under a key, whichever authority and session it came by. */
export function countTry(store: Database, key: string, limits: TryLimits, now: number): Promise<Admission> {
  return store.transaction().execute(async (transaction) => {
    // The upsert holds the row until the commit, on PostgreSQL as on SQLite.
    const row = await transaction
      .insertInto('tries')
      .values({ key, count: 0, level: 0, locked_until: 0, updated_at: now })
      .onConflict((conflict) => conflict.column('key').doUpdateSet({ key }))
      .returningAll()
      .executeTakeFirstOrThrow()
    const { count, level, locked_until: lockedUntil, updated_at: updatedAt } = row
    const { after, admission } = judgeTry({ count, level, lockedUntil, updatedAt }, limits, now)
    await transaction
      .updateTable('tries')
      .set({ count: after.count, level: after.level, locked_until: after.lockedUntil, updated_at: after.updatedAt })
      .where('key', '=', key)
      .execute()
    return admission
  })
}

/** Until when a key is locked, ms; null when it is not. Counts nothing. */
export async function lockedUntil(
  store: Database,
  key: string,
  limits: TryLimits,
  now: number,
): Promise<number | null> {
  const row = await store.selectFrom('tries').selectAll().where('key', '=', key).executeTakeFirst()
  if (!row) return null
  const until = Math.min(row.locked_until, now + lockOf(limits, row.level - 1))
  return now < until ? until : null
}

/** Forgets the failures of these keys: after a success, or when an administrator unlocks. */
export async function clearTries(store: Database, keys: readonly string[]): Promise<void> {
  await store.deleteFrom('tries').where('key', 'in', keys).execute()
}

/** Removes what no longer counts. */
export async function forgetOldTries(store: Database, now: number): Promise<void> {
  await store
    .deleteFrom('tries')
    .where('updated_at', '<', now - forgetAfter)
    .where('locked_until', '<', now - forgetAfter)
    .execute()
}
