import type { Database } from '../store/schema.ts'
import { hashSecret, newSecret } from './secrets.ts'

/** Devices remembered for one member; the one used longest ago goes first. */
const keptDevices = 20

/** Remembers a device that has signed in, so that strangers' guesses do not lock it out. @returns its token */
export async function rememberDevice(store: Database, member: string, now: number): Promise<string> {
  const token = newSecret()
  await store
    .insertInto('known_devices')
    .values({ token_hash: hashSecret(token), member_id: member, created_at: now, last_used_at: now })
    .execute()
  const surplus = await store
    .selectFrom('known_devices')
    .select('token_hash')
    .where('member_id', '=', member)
    .orderBy('last_used_at', 'desc')
    .offset(keptDevices)
    .limit(1000)
    .execute()
  if (surplus.length > 0) {
    await store
      .deleteFrom('known_devices')
      .where(
        'token_hash',
        'in',
        surplus.map(({ token_hash }) => token_hash),
      )
      .execute()
  }
  return token
}

/** What tries from a device are counted under, when the member with this sign-in name knows it; else null. */
export async function knownDeviceKey(store: Database, signInName: string, token: string): Promise<string | null> {
  const hash = hashSecret(token)
  const row = await store
    .selectFrom('known_devices')
    .innerJoin('members', 'members.id', 'known_devices.member_id')
    .select('members.id')
    .where('token_hash', '=', hash)
    .where('email', '=', signInName)
    .executeTakeFirst()
  return row ? `password device ${Buffer.from(hash).toString('base64url')}` : null
}

/** Notes that a known device has signed in. */
export async function noteDeviceUse(store: Database, token: string, now: number): Promise<void> {
  await store
    .updateTable('known_devices')
    .set({ last_used_at: now })
    .where('token_hash', '=', hashSecret(token))
    .execute()
}

/** Forgets a member's devices: its password was reset. */
export async function forgetDevices(store: Database, member: string): Promise<void> {
  await store.deleteFrom('known_devices').where('member_id', '=', member).execute()
}
