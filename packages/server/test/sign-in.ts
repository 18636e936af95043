import { type Failure, routes, type Session } from '@sealmq/protocol/api'
import { expect } from 'vitest'
import { type Answer, password, type TestAuthority } from './test-authority.ts'

/** What tests send to sign in with; the source address takes a `trustProxy`. */
export interface Attempt {
  email: string
  password?: string
  otp?: string
  recoveryCode?: string
  knownDevice?: string
  from?: string
}

export const signIn = (authority: TestAuthority, { from, ...attempt }: Attempt): Promise<Answer<Session & Failure>> =>
  authority.ask('POST', routes.login, { password, ...attempt }, undefined, from ? { 'x-forwarded-for': from } : {})

/** A source address of its own for each guesser. */
export const addressOf = (index: number): string => `198.51.${100 + (index >> 8)}.${index & 255}`

/** Locks an account from the outside. */
export async function lockOut(authority: TestAuthority, email: string, from = '203.0.113.9'): Promise<void> {
  for (let index = 0; index < 3; index++) {
    const { status } = await signIn(authority, { email, password: 'a wrong guess', from })
    expect(status).toBe(401)
  }
}

/** What a stranger sees of an answer; the date and the number of the connection tell nothing. */
export async function rawSignIn(authority: TestAuthority, email: string, guess: string) {
  const answer = await fetch(authority.running.httpUrl + routes.login, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password: guess }),
  })
  return { status: answer.status, body: await answer.text(), headers: [...answer.headers.keys()].sort() }
}

/**
 * Parallel guessers on one account, each over a connection and from an address of its own; the last of them knows the
 * password, and is refused like all others: three were looked at before.
 */
export async function guessInParallel(authority: TestAuthority, email: string, guessers: number): Promise<void> {
  const guess = (index: number) => (index === guessers - 1 ? password : `guess number ${index}`)
  const answers = await Promise.all(
    Array.from({ length: guessers }, (_, index) =>
      signIn(authority, { email, password: guess(index), from: addressOf(index) }),
    ),
  )
  for (const { status, body } of answers) expect({ status, code: body.code }).toEqual(refused)
}

/** The counts of wrong passwords, as the store has them. */
export async function passwordCounts(authority: TestAuthority) {
  const store = await authority.database()
  const rows = await store.selectFrom('tries').select(['count', 'level', 'key']).orderBy('updated_at').execute()
  return rows.filter(({ key }) => /^password (?!device)/.test(key)).map(({ count, level }) => ({ count, level }))
}

export const refused = { status: 401, code: 'wrong-credentials' }
