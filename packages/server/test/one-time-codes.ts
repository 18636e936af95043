import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import { CodeHasher } from '../src/identity/code-hash.ts'
import { newDigits, storeCode, tryCode } from '../src/identity/one-time-codes.ts'
import { MasterKey } from '../src/keys/master-key.ts'
import type { CodePurpose, Database } from '../src/store/schema.ts'
import { inParallel } from './engines.ts'
import { minute } from './test-clock.ts'

export const purposes: readonly CodePurpose[] = ['login', 'step-up', 'address', 'reset', 'invitation', 'email-change']
export const hasher = new CodeHasher(new MasterKey(randomBytes(32)))
export const begin = 1_800_000_000_000

/** A member that codes can belong to. */
export async function insertBareMember(store: Database, id: string, password = ''): Promise<void> {
  const row = { id, email: `${id}@plant.example`, name: id, password, created_at: begin }
  await store
    .insertInto('members')
    .values({ ...row, state: 'active', locked_at: null, email_factor: 0 } as never)
    .execute()
}

export interface Use {
  member?: string
  purpose?: CodePurpose
  code: string
  now?: number
  tries?: number
}

/** Looks at a code and uses it up. */
export async function take(
  store: Database,
  { member = 'bea', purpose = 'login', code, now = begin, tries = 5 }: Use,
): Promise<{ detail: string | null } | null> {
  const right = await tryCode(store, hasher, { member, purpose, code, now, tries })
  return right && (await right.use(store)) ? { detail: right.detail } : null
}

export async function give(store: Database, purpose: CodePurpose = 'login', code = newDigits(), now = begin) {
  await storeCode(store, hasher, { member: 'bea', purpose, code, now, expiresAt: now + 5 * minute, detail: purpose })
  return code
}

/** Uses the right code 50 times at once, over all connections; one has it. */
export async function useAtOnce(stores: readonly Database[], purpose: CodePurpose): Promise<void> {
  const code = await give(stores[0]!, purpose)
  const taken = await inParallel(50, stores, (store) => take(store, { purpose, code }))
  expect(taken.filter((one) => one !== null)).toEqual([{ detail: purpose }])
  expect(await take(stores[0]!, { purpose, code })).toBeNull()
}
