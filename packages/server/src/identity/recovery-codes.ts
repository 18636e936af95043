import type { Database } from '../store/schema.ts'
import type { CodeHasher } from './code-hash.ts'
import { newLongCode, normalCode } from './one-time-codes.ts'

const codeCount = 10
/** Characters of one code: 50 bits. */
const codeLength = 10

const use = (member: string) => `recovery ${member}`

/** Ten new recovery codes; the old ones end. */
export async function renewRecoveryCodes(store: Database, hasher: CodeHasher, member: string): Promise<string[]> {
  const codes = Array.from({ length: codeCount }, () => newLongCode(codeLength))
  await store.deleteFrom('recovery_codes').where('member_id', '=', member).execute()
  await store
    .insertInto('recovery_codes')
    .values(codes.map((code) => ({ member_id: member, code_hash: hasher.hash(use(member), normalCode(code)) })))
    .execute()
  return codes
}

/** Takes a recovery code, once. */
export async function takeRecoveryCode(
  store: Database,
  hasher: CodeHasher,
  member: string,
  code: string,
): Promise<boolean> {
  const { numDeletedRows } = await store
    .deleteFrom('recovery_codes')
    .where('member_id', '=', member)
    .where('code_hash', '=', hasher.hash(use(member), normalCode(code)))
    .executeTakeFirstOrThrow()
  return numDeletedRows === 1n
}

/** How many are left. */
export async function recoveryCodesLeft(store: Database, member: string): Promise<number> {
  const { left } = await store
    .selectFrom('recovery_codes')
    .select((eb) => eb.fn.countAll<number>().as('left'))
    .where('member_id', '=', member)
    .executeTakeFirstOrThrow()
  return Number(left)
}
