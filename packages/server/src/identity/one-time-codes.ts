import { randomInt, timingSafeEqual } from 'node:crypto'
import type { CodePurpose, Database } from '../store/schema.ts'
import type { CodeHasher } from './code-hash.ts'

/** Of handed-over codes: no letters or digits that look alike; 20 of 32 characters are 100 bits. */
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

/** A code from further ahead was made before the clock went back, and would live too long, ms. */
const clockSlack = 60_000

/** Six random digits. */
export const newDigits = (): string => String(randomInt(1_000_000)).padStart(6, '0')

/** A code for people to hand over, in groups of five: as long as it lives for days, it must not be guessable. */
export function newLongCode(length = 20): string {
  const characters = Array.from({ length }, () => alphabet[randomInt(alphabet.length)]!)
  return characters.join('').replaceAll(/(.{5})(?=.)/g, '$1-')
}

/** A code as people type it: full-width digits, spaces, dashes and small letters do not matter. */
export const normalCode = (code: string): string =>
  code
    .normalize('NFKC')
    .toUpperCase()
    .replaceAll(/[^0-9A-Z]/g, '')

/** What a new code is to be. Times ms. */
export interface NewCode {
  member: string
  purpose: CodePurpose
  code: string
  now: number
  expiresAt: number
  detail?: string
}

/** Stores a code's keyed hash; the one before it, of the same member and purpose, is dead from now on. */
export const storeCode = (store: Database, hasher: CodeHasher, code: NewCode): Promise<void> =>
  storeCodes(store, hasher, [code])

/** Stores codes of different members, at most 5,000, in one statement. */
export async function storeCodes(store: Database, hasher: CodeHasher, codes: readonly NewCode[]): Promise<void> {
  const rows = codes.map((code) => ({
    member_id: code.member,
    purpose: code.purpose,
    code_hash: hasher.hash(`${code.purpose} ${code.member}`, normalCode(code.code)),
    tries: 0,
    created_at: code.now,
    expires_at: code.expiresAt,
    detail: code.detail ?? null,
  }))
  await store
    .insertInto('one_time_codes')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['member_id', 'purpose']).doUpdateSet((eb) => ({
        code_hash: eb.ref('excluded.code_hash'),
        tries: eb.ref('excluded.tries'),
        created_at: eb.ref('excluded.created_at'),
        expires_at: eb.ref('excluded.expires_at'),
        detail: eb.ref('excluded.detail'),
      })),
    )
    .execute()
}

/** A code as somebody gives it. */
export interface CodeTry {
  member: string
  purpose: CodePurpose
  code: string
  now: number
  /** How often a code may be tried. */
  tries: number
}

/** A code that was right when it was looked at. */
export interface RightCode {
  /** What it is about. */
  detail: string | null
  /** Uses it up, once: of several that are right at the same time one finds it still there. @returns whether it was there */
  use(transaction: Database): Promise<boolean>
}

/**
 * Looks at a code; the try is counted before. It is used up by itself, in the transaction of what it is good for, so that
 * a code is not lost when that fails.
 * @returns null when the code is wrong, used, expired, for something else, or tried too often
 */
export async function tryCode(
  store: Database,
  hasher: CodeHasher,
  { member, purpose, code, now, tries }: CodeTry,
): Promise<RightCode | null> {
  const row = await store
    .updateTable('one_time_codes')
    .set((eb) => ({ tries: eb('tries', '+', 1) }))
    .where('member_id', '=', member)
    .where('purpose', '=', purpose)
    .where('tries', '<', tries)
    .where('expires_at', '>', now)
    .where('created_at', '<=', now + clockSlack)
    .returning(['code_hash', 'detail'])
    .executeTakeFirst()
  const given = hasher.hash(`${purpose} ${member}`, normalCode(code))
  if (!row || !timingSafeEqual(row.code_hash, given)) return null
  const use = async (transaction: Database) => {
    const { numDeletedRows } = await transaction
      .deleteFrom('one_time_codes')
      .where('member_id', '=', member)
      .where('purpose', '=', purpose)
      .where('code_hash', '=', row.code_hash)
      .executeTakeFirstOrThrow()
    return numDeletedRows === 1n
  }
  return { detail: row.detail, use }
}
