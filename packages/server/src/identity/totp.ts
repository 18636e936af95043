import type { TotpEnrolment } from '@sealmq/protocol/api'
import { Secret, TOTP } from 'otpauth'
import type { MasterKey } from '../keys/master-key.ts'
import type { Database } from '../store/schema.ts'
import { normalCode } from './one-time-codes.ts'

// What every authenticator app takes: SHA-1, six digits, 30 s (RFC 6238), a secret of 160 bits (RFC 4226, 4).
const period = 30
const secretLength = 20
/** Steps before and after the current one that are accepted: clocks of telephones differ. */
const tolerance = 1

const place = (member: string) => `totp ${member}`

/** Makes a new secret for a member's authenticator, which counts once it is confirmed. @returns null when one is confirmed */
export async function enrolTotp(
  store: Database,
  masterKey: MasterKey,
  member: { id: string; signInName: string },
  issuer: string,
): Promise<TotpEnrolment | null> {
  const secret = new Secret({ size: secretLength })
  const row = { secret_wrapped: masterKey.wrap(place(member.id), secret.bytes), confirmed_at: null, last_step: 0 }
  const { numInsertedOrUpdatedRows } = await store
    .insertInto('totp')
    .values({ member_id: member.id, ...row })
    // One that is confirmed is never replaced without a record.
    .onConflict((conflict) => conflict.column('member_id').doUpdateSet(row).where('totp.confirmed_at', 'is', null))
    .executeTakeFirstOrThrow()
  if (numInsertedOrUpdatedRows === 0n) return null
  return { secret: secret.base32, uri: totpOf(secret.bytes, issuer, member.signInName).toString() }
}

/**
 * Takes a code of the authenticator, each time step once: a code that was used, or an older one, is not taken again.
 * @returns whether it was right and unused
 */
export async function takeTotp(
  store: Database,
  masterKey: MasterKey,
  { member, code, now }: { member: string; code: string; now: number },
): Promise<boolean> {
  const row = await store.selectFrom('totp').select('secret_wrapped').where('member_id', '=', member).executeTakeFirst()
  if (!row) return false
  const totp = totpOf(masterKey.unwrap(place(member), row.secret_wrapped))
  const delta = totp.validate({ token: normalCode(code), timestamp: now, window: tolerance })
  if (delta === null) return false
  const step = Math.floor(now / 1000 / period) + delta
  const { numUpdatedRows } = await store
    .updateTable('totp')
    .set({ last_step: step })
    .where('member_id', '=', member)
    .where('secret_wrapped', '=', row.secret_wrapped)
    .where('last_step', '<', step)
    .executeTakeFirstOrThrow()
  return numUpdatedRows === 1n
}

/** Whether a member has an authenticator that is confirmed, or one that still waits for it. */
export async function totpState(store: Database, member: string): Promise<'none' | 'unconfirmed' | 'confirmed'> {
  const row = await store.selectFrom('totp').select('confirmed_at').where('member_id', '=', member).executeTakeFirst()
  if (!row) return 'none'
  return row.confirmed_at === null ? 'unconfirmed' : 'confirmed'
}

/** From now on the authenticator counts. */
export async function confirmTotp(store: Database, member: string, now: number): Promise<void> {
  await store.updateTable('totp').set({ confirmed_at: now }).where('member_id', '=', member).execute()
}

/** Forgets authenticator and recovery codes. */
export async function removeTotp(store: Database, member: string): Promise<void> {
  await store.deleteFrom('totp').where('member_id', '=', member).execute()
  await store.deleteFrom('recovery_codes').where('member_id', '=', member).execute()
}

function totpOf(secret: Uint8Array, issuer = 'SealMQ', label = ''): TOTP {
  // otpauth reads the whole buffer behind a view.
  const bytes = new Uint8Array(secret)
  return new TOTP({ issuer, label, algorithm: 'SHA1', digits: 6, period, secret: new Secret({ buffer: bytes.buffer }) })
}
