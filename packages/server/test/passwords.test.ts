import { type Failure, type MemberInfo, routes, type SessionInfo } from '@sealmq/protocol/api'
import { hashSync } from 'bcryptjs'
import { beforeEach, describe, expect, it } from 'vitest'
import { checkPassword, hashPassword, verifyPassword } from '../src/identity/passwords.ts'
import { onEachEngine } from './engines.ts'
import { SharedAuthority } from './shared-authority.ts'
import { lockOut, signIn } from './sign-in.ts'
import { at, password, type TestAuthority } from './test-authority.ts'

/** A user of the original system, as its file has it. */
const original = {
  hash: '$2b$12$US2ER1VgqH/GM20/6K2M9uafq5s4eUuHqDZGREPYxqP7MEVI72EgG',
  password: 'Valve-Pump-77',
}
const next = 'quite another long phrase 7'

describe('passwords', () => {
  it('are hashed with Argon2id of 19 MiB, two passes, one lane, and a nonce each', async () => {
    const hash = await hashPassword(password)
    expect(hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    expect(await hashPassword(password)).not.toBe(hash)
    expect(await verifyPassword(password, hash)).toBe(true)
    expect(await verifyPassword(`${password} `, hash)).toBe(false)
    for (const none of [null, '', 'x', '$argon2id$v=19$m=19456,t=2,p=1$$', hash.replace('m=19456', 'm=8')]) {
      expect(await verifyPassword('', none), String(none)).toBe(false)
      expect(await verifyPassword(password, none), String(none)).toBe(false)
    }
  })

  it('are the same however Unicode writes them, and every character counts', async () => {
    const composed = 'Schlüssel für Überdrücke'
    const hash = await hashPassword(composed.normalize('NFD'))
    expect(await verifyPassword(composed.normalize('NFC'), hash)).toBe(true)
    expect(await verifyPassword(composed.replaceAll('ü', 'u'), hash)).toBe(false)
    const long = 'ключ от насоса '.repeat(9).slice(0, 128)
    const longHash = await hashPassword(long)
    expect(await verifyPassword(long, longHash)).toBe(true)
    expect(await verifyPassword(`${long.slice(0, 127)}x`, longHash)).toBe(false)
  })

  it('have 12 to 128 characters, counted as people count them', async () => {
    const weak = { code: 'weak-password' }
    await expect(checkPassword('zq7-Kd9_wX1', [])).rejects.toMatchObject(weak)
    await expect(checkPassword('zq7-Kd9_wX1v', [])).resolves.toBeUndefined()
    const pump = '🔑'.repeat(2)
    await expect(checkPassword(`${pump}zq7-Kd9_w`, [])).rejects.toMatchObject(weak)
    const characters = Array.from({ length: 128 }, (_, index) =>
      String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000)),
    )
    await expect(checkPassword(characters.join(''), [])).resolves.toBeUndefined()
    await expect(checkPassword(`${characters.join('')}x`, [])).rejects.toMatchObject(weak)
    // Decomposed it has more code points; what counts is the composed form.
    const umlauts = Array.from({ length: 64 }, (_, index) => (index % 3 ? 'üp' : 'äq')).join('')
    await expect(checkPassword(umlauts.normalize('NFD').slice(0, 400), ['x'])).rejects.not.toMatchObject({
      message: expect.stringContaining('at most'),
    })
  })

  it.each(['password12345', '123456789012', 'qwertyuiop123', 'aaaaaaaaaaaaaaa', 'correcthorse', 'letmeinletmein'])(
    'that are common are refused with advice: %s',
    async (common) => {
      const refusal = await checkPassword(common, []).catch((error: Error) => error)
      expect(refusal).toMatchObject({ code: 'weak-password' })
      expect((refusal as Error).message).toMatch(/\(strength [0-2] of 4\)\. \S+/)
      expect((refusal as Error).message).not.toContain(common)
    },
  )

  it('need no kinds of characters, and may not be made of the own name', async () => {
    await expect(checkPassword('copper lantern drifts under violet harbour', [])).resolves.toBeUndefined()
    const known = ['beatrice.pumphouse@plant.example', 'Beatrice Pumphouse']
    await expect(checkPassword('beatricepumphouse', known)).rejects.toMatchObject({ code: 'weak-password' })
  })
})

onEachEngine('passwords', (engine) => {
  const shared = new SharedAuthority(engine)
  let authority: TestAuthority
  let email: string
  const stored = async (name: string) => {
    const store = await authority.database()
    const row = await store.selectFrom('members').select('password').where('email', '=', name).executeTakeFirstOrThrow()
    return row.password
  }
  beforeEach(async () => {
    authority = shared.authority
  })
  const importOne = async (hash: string) => {
    const user = shared.newName()
    await authority.askAdmin('POST', routes.membersImport, { users: { [user]: { password: hash, role: 'viewer' } } })
    await authority.askAdmin('POST', at(routes.memberApprove, user), {})
    return user
  }

  it.each([
    ['of the original system', original.hash, original.password],
    ['of variant a', hashSync('Gauge-Read-9', 4).replace('$2b$', '$2a$'), 'Gauge-Read-9'],
    ['of variant y', hashSync('Gauge-Read-9', 4).replace('$2b$', '$2y$'), 'Gauge-Read-9'],
  ])('bcrypt %s is taken, and hashed anew at the first sign-in', async (_, hash, right) => {
    const user = await importOne(hash)
    expect((await signIn(authority, { email: user, password: `${right}x` })).status).toBe(401)
    expect(await stored(user)).toBe(hash)
    expect((await signIn(authority, { email: user, password: right })).status).toBe(200)
    expect(await stored(user)).toMatch(/^\$argon2id\$/)
    expect((await signIn(authority, { email: user, password: right })).status).toBe(200)
    expect((await signIn(authority, { email: user, password: `${right}x` })).status).toBe(401)
  })

  it('bcrypt accounts are locked like all others', async () => {
    const user = await importOne(hashSync(original.password, 4))
    await lockOut(authority, user)
    expect((await signIn(authority, { email: user, password: original.password })).status).toBe(401)
    expect(await stored(user)).toMatch(/^\$2b\$/)
  })

  it('a change asks for the old one, ends other sessions, leaves the device known, and the owner is told', async () => {
    email = await shared.newMember('viewer')
    const { body: own } = await signIn(authority, { email })
    const { body: other } = await signIn(authority, { email })
    const change = (body: object) => authority.ask<Failure>('POST', routes.password, body, own.token)
    expect((await change({ password: 'a wrong guess', newPassword: next })).body).toMatchObject({
      code: 'wrong-credentials',
    })
    expect((await change({ password, newPassword: 'password12345' })).body).toMatchObject({ code: 'weak-password' })
    expect((await signIn(authority, { email })).status).toBe(200)
    expect((await change({ password, newPassword: next })).status).toBe(204)
    expect((await authority.ask('GET', routes.me, undefined, own.token)).status).toBe(200)
    expect((await authority.ask('GET', routes.me, undefined, other.token)).status).toBe(401)
    await authority.mail.take(email, /was changed/)
    expect((await signIn(authority, { email })).status).toBe(401)
    await lockOut(authority, email)
    expect((await signIn(authority, { email, password: next, knownDevice: own.knownDevice })).status).toBe(200)
  })

  it('wrong old ones are counted, over all sessions, and lock the change alone', async () => {
    email = await shared.newMember('viewer')
    const tokens = await Promise.all([1, 2].map(async () => (await signIn(authority, { email })).body.token))
    const change = (index: number, old: string) =>
      authority.ask('POST', routes.password, { password: old, newPassword: next }, tokens[index % 2])
    for (let index = 0; index < 3; index++) expect((await change(index, 'a wrong guess')).status).toBe(401)
    expect(await change(0, password)).toMatchObject({ status: 429, body: { code: 'too-many-tries' } })
    expect(await change(1, password)).toMatchObject({ status: 429 })
    expect((await authority.ask('POST', routes.accountDelete, { password }, tokens[0])).status).toBe(429)
    expect((await signIn(authority, { email })).status).toBe(200)
  })

  it('a reset ends all sessions and devices, once, and a weak new one costs no code', async () => {
    email = await shared.newMember('viewer')
    const { body } = await signIn(authority, { email })
    await authority.ask('POST', routes.passwordForgot, { email })
    const code = await authority.mail.takeCode(email, /new password/)
    const reset = (chosen: string) => authority.ask('POST', routes.passwordReset, { email, code, password: chosen })
    expect((await reset('password12345')).body).toMatchObject({ code: 'weak-password' })
    const answers = await Promise.all([reset(next), reset(next), reset(next)])
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 401, 401])
    expect((await authority.ask('GET', routes.me, undefined, body.token)).status).toBe(401)
    await lockOut(authority, email)
    expect((await signIn(authority, { email, password: next, knownDevice: body.knownDevice })).status).toBe(401)
  })

  it('a reset says nothing of the name of the account', async () => {
    email = await shared.newMember('viewer')
    await authority.askAdmin('PATCH', at(routes.member, email), { name: 'Xyloquent Brumbelford' })
    const reset = (name: string) =>
      authority.ask<Failure>('POST', routes.passwordReset, {
        email: name,
        code: '000000',
        password: 'Xyloquent Brumbelford',
      })
    expect((await reset(email)).body).toEqual((await reset('nobody@plant.example')).body)
  })

  it('one that an administrator sets ends sessions, devices and the lock', async () => {
    email = await shared.newMember('viewer')
    const { body } = await signIn(authority, { email })
    await lockOut(authority, email)
    expect((await authority.askAdmin('PATCH', at(routes.member, email), { password: next })).status).toBe(200)
    expect((await authority.ask('GET', routes.me, undefined, body.token)).status).toBe(401)
    expect((await signIn(authority, { email, password: next })).status).toBe(200)
    await lockOut(authority, email)
    expect((await signIn(authority, { email, password: next, knownDevice: body.knownDevice })).status).toBe(401)
  })

  it('of 128 characters sign in, one of 129 is refused', async () => {
    email = await shared.newMember('viewer')
    const long = Array.from({ length: 128 }, (_, index) =>
      String.fromCodePoint(0x4e00 + ((index * 7919) % 20_000)),
    ).join('')
    const set = (chosen: string) =>
      authority.askAdmin<MemberInfo>('PATCH', at(routes.member, email), { password: chosen })
    expect(await set(`${long}x`)).toMatchObject({ status: 400, body: { code: 'weak-password' } })
    expect((await set(long)).status).toBe(200)
    expect((await signIn(authority, { email, password: long })).status).toBe(200)
    expect((await signIn(authority, { email, password: long.slice(0, 127) })).status).toBe(401)
  })

  it('are the same however the keyboard composes them, and addresses however they are capitalised', async () => {
    const typed = 'Übergrößenträger 40 läuft'
    const request = { email: 'Bea.O+pump@Plant.Example', name: 'Bea', password: typed.normalize('NFD'), roles: [] }
    expect(await authority.askAdmin('POST', routes.members, request)).toMatchObject({
      status: 201,
      body: { email: 'bea.o+pump@plant.example' },
    })
    const { status, body } = await signIn(authority, {
      email: 'BEA.O+PUMP@plant.example',
      password: typed.normalize('NFC'),
    })
    expect(status).toBe(200)
    expect(
      (await authority.askAdmin('POST', routes.members, { ...request, email: 'bea.o+PUMP@plant.example' })).status,
    ).toBe(409)
    expect((await signIn(authority, { email: 'bea.o@plant.example', password: typed })).status).toBe(401)
    const sessions = await authority.ask<SessionInfo[]>('GET', routes.sessions, undefined, body.token)
    expect(sessions.body).toHaveLength(1)
  })
})
