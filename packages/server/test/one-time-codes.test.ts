import { createHash } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import { newDigits, newLongCode, normalCode } from '../src/identity/one-time-codes.ts'
import type { Database } from '../src/store/schema.ts'
import { inParallel, onEachEngine } from './engines.ts'
import { begin, give, insertBareMember, purposes, take, useAtOnce } from './one-time-codes.ts'
import { hour, minute } from './test-clock.ts'

onEachEngine('one-time codes', (engine) => {
  let stores: Database[]
  let store: Database
  beforeAll(async () => {
    stores = await engine.openSeveral(2)
    store = stores[0]!
    for (const member of ['bea', 'eve']) await insertBareMember(store, member)
  })

  it.each(purposes)('are taken once, of 50 right uses for %s at once', async (purpose) => {
    await useAtOnce(stores, purpose)
  })

  it('are good for their purpose and their member only', async () => {
    const code = await give(store, 'reset')
    for (const purpose of purposes) {
      if (purpose === 'reset') continue
      expect(await take(store, { purpose, code }), purpose).toBeNull()
      await give(store, purpose, other(code))
      expect(await take(store, { purpose, code }), purpose).toBeNull()
    }
    expect(await take(store, { member: 'eve', purpose: 'reset', code })).toBeNull()
    // A row that was moved to another member or purpose in the store is good for nothing.
    const row = { code_hash: new Uint8Array(), tries: 0, created_at: begin, expires_at: begin + minute, detail: null }
    const { code_hash } = await store
      .selectFrom('one_time_codes')
      .select('code_hash')
      .where('purpose', '=', 'reset')
      .executeTakeFirstOrThrow()
    for (const moved of [
      { member_id: 'eve', purpose: 'reset' as const },
      { member_id: 'eve', purpose: 'login' as const },
    ]) {
      await store
        .insertInto('one_time_codes')
        .values({ ...row, ...moved, code_hash })
        .execute()
      expect(await take(store, { member: moved.member_id, purpose: moved.purpose, code })).toBeNull()
    }
    expect(await take(store, { purpose: 'reset', code })).toEqual({ detail: 'reset' })
  })

  it('are refused expired, after a newer one, and used', async () => {
    const code = await give(store)
    expect(await take(store, { code, now: begin + 5 * minute })).toBeNull()
    expect(await take(store, { code, now: begin + 5 * minute - 1 })).toEqual({ detail: 'login' })
    expect(await take(store, { code })).toBeNull()
    const old = await give(store)
    const next = await give(store, 'login', other(old))
    expect(await take(store, { code: old })).toBeNull()
    expect(await take(store, { code: next })).not.toBeNull()
  })

  it('may be tried five times, however many come at once', async () => {
    const code = await give(store)
    for (let wrong = 0; wrong < 4; wrong++) expect(await take(store, { code: other(code) })).toBeNull()
    expect(await take(store, { code })).not.toBeNull()
    const second = await give(store)
    await inParallel(20, stores, (one) => take(one, { code: other(second) }))
    expect(await take(store, { code: second })).toBeNull()
    const { tries } = await store
      .selectFrom('one_time_codes')
      .select('tries')
      .where('member_id', '=', 'bea')
      .where('purpose', '=', 'login')
      .executeTakeFirstOrThrow()
    expect(tries).toBe(5)
  })

  it('stand a clock that jumps: back, and they are not good for longer than they were', async () => {
    const code = await give(store)
    expect(await take(store, { code, now: begin - hour })).toBeNull()
    expect(await take(store, { code, now: begin + hour })).toBeNull()
    expect(await take(store, { code, now: begin - 30_000 })).not.toBeNull()
  })

  it('lie in the store as keyed hashes', async () => {
    const code = await give(store)
    const rows = await store.selectFrom('one_time_codes').selectAll().execute()
    for (const row of rows) {
      const text = JSON.stringify(Object.values(row).map((value) => (value instanceof Uint8Array ? '' : value)))
      expect(text).not.toContain(code)
      for (const input of [
        code,
        `login ${code}`,
        `bea${code}`,
        `login bea ${code}`,
        JSON.stringify(['login bea', code]),
      ]) {
        const plain = createHash('sha256').update(input).digest()
        expect(Buffer.from(row.code_hash).equals(plain)).toBe(false)
      }
    }
  })

  it.each([
    ['spaces', (code: string) => ` ${code.slice(0, 3)} ${code.slice(3)} `],
    ['dashes', (code: string) => `${code.slice(0, 3)}-${code.slice(3)}`],
    [
      'full-width digits',
      (code: string) => code.replaceAll(/\d/g, (digit) => String.fromCodePoint(0xff10 + Number(digit))),
    ],
  ])('are taken with %s', async (_, typed) => {
    expect(await take(store, { code: typed(await give(store)) })).not.toBeNull()
  })
})

it('a handed-over code is taken in small letters and without its dashes, and has 100 bits', () => {
  const code = newLongCode()
  expect(code).toMatch(/^([2-9A-HJ-NP-Z]{5}-){3}[2-9A-HJ-NP-Z]{5}$/)
  expect(normalCode(code.toLowerCase().replaceAll('-', ' '))).toBe(code.replaceAll('-', ''))
})

it('six digits are spread over all of their million', () => {
  const digits = Array.from({ length: 20_000 }, newDigits)
  expect(digits.every((code) => /^\d{6}$/.test(code))).toBe(true)
  expect(new Set(digits).size).toBeGreaterThan(19_600)
  for (let place = 0; place < 6; place++) {
    const counts = Map.groupBy(digits, (code) => code[place])
    expect(counts.size).toBe(10)
    // 2,000 expected; six standard deviations.
    for (const { length } of counts.values()) expect(Math.abs(length - 2000)).toBeLessThan(6 * 43)
  }
})

const other = (code: string) => String((Number(code) + 1) % 1_000_000).padStart(6, '0')
