import { routes, type SessionInfo } from '@sealmq/protocol/api'
import { beforeEach, expect, it } from 'vitest'
import type { ServeOptions } from '../src/index.ts'
import { onEachEngine } from './engines.ts'
import { SharedAuthority } from './shared-authority.ts'
import { guessInParallel, lockOut, passwordCounts, rawSignIn, refused, signIn } from './sign-in.ts'
import { at, password, TestAuthority } from './test-authority.ts'
import { hour, minute, second } from './test-clock.ts'

onEachEngine('sign-in', (engine) => {
  const shared = new SharedAuthority(engine)
  const { clock } = shared
  let authority: TestAuthority
  let email: string
  beforeEach(async () => {
    authority = shared.authority
    email = await shared.newMember('viewer')
  })
  /** With limits that would disturb other tests. */
  const startOther = async (options: Partial<ServeOptions>) => {
    const other = await TestAuthority.withAdministrator({
      store: await engine.newStore(),
      now: clock.now,
      trustProxy: true,
      ...options,
    })
    await other.createMember('bea', 'viewer')
    return other
  }

  it('answers alike an unknown name, a wrong password, a locked account and one that an administrator locked', async () => {
    await authority.createMember('lena', 'viewer')
    await authority.createMember('carl', 'viewer')
    await authority.askAdmin('POST', at(routes.memberLock, 'carl@plant.example'))
    await authority.askAdmin('POST', routes.membersInvite, {
      email: 'ida@plant.example',
      name: 'Ida',
      roles: ['viewer'],
    })
    await lockOut(authority, 'lena@plant.example')
    const unknown = await rawSignIn(authority, 'nobody@plant.example', password)
    expect(unknown).toMatchObject({ status: 401, body: expect.stringContaining('wrong-credentials') })
    expect(await rawSignIn(authority, email, 'a wrong guess')).toEqual(unknown)
    expect(await rawSignIn(authority, 'lena@plant.example', password)).toEqual(unknown)
    expect(await rawSignIn(authority, 'carl@plant.example', password)).toEqual(unknown)
    expect(await rawSignIn(authority, 'carl@plant.example', 'a wrong guess')).toEqual(unknown)
    expect(await rawSignIn(authority, 'ida@plant.example', password)).toEqual(unknown)
    for (let index = 0; index < 3; index++) {
      expect(await rawSignIn(authority, 'other@plant.example', `guess ${index}`)).toEqual(unknown)
    }
    expect(await rawSignIn(authority, 'other@plant.example', password)).toEqual(unknown)
    expect(await rawSignIn(authority, `${email.toUpperCase()} `, password)).toMatchObject({ status: 200 })
  })

  it('looks at three passwords and no more, of many that come at once; the owner is told once', async () => {
    const counted = await passwordCounts(authority)
    await guessInParallel(authority, email, 40)
    expect(await passwordCounts(authority)).toEqual([...counted, { count: 0, level: 1 }])
    expect((await signIn(authority, { email, from: '192.0.2.1' })).status).toBe(401)
    await authority.mail.take(email, /locked/)
    await authority.mailSettled()
    expect(await authority.mail.find(email, /locked/)).toHaveLength(1)
  })

  it('ends a lock after its time, the next is twice as long, and success ends the count', async () => {
    await lockOut(authority, email)
    clock.move(5 * minute - 1)
    expect((await signIn(authority, { email })).status).toBe(401)
    clock.move(1)
    await lockOut(authority, email)
    clock.move(10 * minute - 1)
    expect((await signIn(authority, { email })).status).toBe(401)
    await authority.mailSettled()
    expect(await authority.mail.find(email, /locked/)).toHaveLength(2)
    clock.move(1)
    for (let index = 0; index < 2; index++) await signIn(authority, { email, password: 'a wrong guess' })
    expect((await signIn(authority, { email })).status).toBe(200)
    await lockOut(authority, email)
    clock.move(5 * minute)
    expect((await signIn(authority, { email })).status).toBe(200)
  })

  it('tells nobody by mail of an account that does not exist', async () => {
    await lockOut(authority, 'nobody@plant.example')
    await authority.mailSettled()
    expect(await authority.mail.find('nobody@plant.example')).toEqual([])
  })

  it('keeps a known device signing in while strangers lock the account, and goes on with sessions', async () => {
    const { body: first } = await signIn(authority, { email })
    const { knownDevice } = first
    await lockOut(authority, email)
    expect((await signIn(authority, { email })).status).toBe(401)
    expect((await authority.ask('GET', routes.me, undefined, first.token)).status).toBe(200)
    const again = await signIn(authority, { email, knownDevice })
    expect(again).toMatchObject({ status: 200, body: { knownDevice } })
    // The owner is in; the strangers are not.
    expect((await signIn(authority, { email })).status).toBe(401)
    // A device is known to its own account only.
    await authority.createMember('carl', 'viewer')
    await lockOut(authority, 'carl@plant.example')
    expect((await signIn(authority, { email: 'carl@plant.example', knownDevice })).status).toBe(401)
    expect((await signIn(authority, { email, knownDevice: 'A'.repeat(43) })).status).toBe(401)
  })

  it('locks a stolen device by itself: neither the account nor other devices', async () => {
    const stolen = (await signIn(authority, { email })).body.knownDevice
    const own = (await signIn(authority, { email })).body.knownDevice
    for (let index = 0; index < 3; index++) {
      expect((await signIn(authority, { email, knownDevice: stolen, password: 'a wrong guess' })).status).toBe(401)
    }
    expect((await signIn(authority, { email, knownDevice: stolen })).status).toBe(401)
    expect((await signIn(authority, { email, knownDevice: own })).status).toBe(200)
    expect((await signIn(authority, { email })).status).toBe(200)
    await authority.mail.take(email, /locked/)
    clock.move(5 * minute)
    expect((await signIn(authority, { email, knownDevice: stolen })).status).toBe(200)
  })

  it('lets a locked-out owner in by a code from the mailbox', async () => {
    await lockOut(authority, email)
    expect(await authority.ask('POST', routes.passwordForgot, { email })).toMatchObject({ status: 202 })
    const code = await authority.mail.takeCode(email, /new password/)
    const next = 'quite another long phrase 7'
    expect((await authority.ask('POST', routes.passwordReset, { email, code, password: next })).status).toBe(204)
    await authority.mail.take(email, /was changed/)
    expect((await signIn(authority, { email, password: next })).status).toBe(200)
    expect(await signIn(authority, { email })).toMatchObject({ status: 401, body: { code: refused.code } })
  })

  it('is unlocked by an administrator, who sees the lock', async () => {
    await lockOut(authority, email)
    const { body } = await authority.askAdmin('GET', at(routes.member, email))
    expect(body).toMatchObject({ state: 'active', lockedUntil: clock.now() + 5 * minute })
    const unlocked = await authority.askAdmin('POST', at(routes.memberUnlock, email))
    expect(unlocked.body).toMatchObject({ lockedUntil: null })
    expect((await signIn(authority, { email })).status).toBe(200)
  })

  it('stores neither names that are guessed nor tokens', async () => {
    await signIn(authority, { email: 'nobody@plant.example', password: 'a wrong guess' })
    const { body } = await signIn(authority, { email })
    const store = await authority.database()
    const tables = ['tries', 'sessions', 'known_devices'] as const
    const rows = await Promise.all(tables.map((table) => store.selectFrom(table).selectAll().execute()))
    const text = JSON.stringify(rows)
    for (const secret of ['nobody', body.token, body.knownDevice]) expect(text).not.toContain(secret)
    expect(Buffer.from(body.token, 'base64url')).toHaveLength(32)
  })

  it('shuts out a source address after too many failures, whatever the names, and no other address', async () => {
    authority = await startOther({ identity: { addressTries: 6 } })
    email = 'bea@plant.example'
    const fail = (index: number, from: string) =>
      signIn(authority, { email: `name${index}@plant.example`, password: 'a wrong guess', from })
    for (let index = 0; index < 6; index++) expect((await fail(index, '203.0.113.7')).status).toBe(401)
    const shut = await signIn(authority, { email, from: '203.0.113.7' })
    expect(shut).toMatchObject({ status: 429, body: { code: 'too-many-tries', retryAfter: 300 } })
    expect(shut.headers.get('retry-after')).toBe('300')
    expect((await fail(7, '203.0.113.7')).status).toBe(429)
    const reset = { email, code: '123456', password: 'quite another long phrase 7' }
    const more = { 'x-forwarded-for': '203.0.113.7' }
    expect((await authority.ask('POST', routes.passwordReset, reset, undefined, more)).status).toBe(429)
    expect((await authority.ask('POST', routes.verify, { email, code: '123456' }, undefined, more)).status).toBe(429)
    expect((await signIn(authority, { email, from: '203.0.113.8' })).status).toBe(200)
    clock.move(5 * minute)
    expect((await signIn(authority, { email, from: '203.0.113.7' })).status).toBe(200)
    await authority.close()
  })

  it('counts an IPv6 host by its network, and believes the last address of a proxy only', async () => {
    authority = await startOther({ identity: { addressTries: 4 } })
    email = 'bea@plant.example'
    const fail = (from: string) => signIn(authority, { email: 'nobody@plant.example', password: 'a wrong guess', from })
    for (let index = 0; index < 4; index++) await fail(`2001:db8:0:7::${index + 1}`)
    expect((await fail('2001:db8::7:aaaa:1:2:3')).status).toBe(429)
    expect((await fail('2001:db8:0:8::1')).status).toBe(401)
    for (let index = 0; index < 4; index++) await fail(`192.0.2.${index}, 203.0.113.50`)
    expect((await fail('192.0.2.99, 203.0.113.50')).status).toBe(429)
    const { body } = await signIn(authority, { email, from: '192.0.2.5, 203.0.113.51' })
    const sessions = await authority.ask<SessionInfo[]>('GET', routes.sessions, undefined, body.token)
    expect(sessions.body.find(({ current }) => current)).toMatchObject({ address: '203.0.113.51' })
    await authority.close()
  })

  it('believes no forwarded address without a proxy', async () => {
    authority = await startOther({ identity: { addressTries: 5 }, trustProxy: false })
    email = 'bea@plant.example'
    for (let index = 0; index < 5; index++) {
      await signIn(authority, {
        email: `name${index}@plant.example`,
        password: 'a wrong guess',
        from: `203.0.113.${index}`,
      })
    }
    expect((await signIn(authority, { email, from: '203.0.113.77' })).status).toBe(429)
    await authority.close()
  })

  it('answers requests for codes alike for unknown names, also those that come too soon', async () => {
    for (const route of [routes.passwordForgot, routes.verifySend]) {
      const asked = async (name: string) => {
        const { status, body, headers } = await authority.ask('POST', route, { email: name })
        return { status, body, headers: [...headers.keys()].sort() }
      }
      const known = await asked(email)
      expect(known).toMatchObject({ status: 202, body: { retryAfter: 30 } })
      expect(await asked('nobody@plant.example')).toEqual(known)
      const soon = await asked(email)
      expect(soon).toMatchObject({ status: 429, body: { code: 'too-many-tries', retryAfter: 30 } })
      expect(await asked('nobody@plant.example')).toEqual(soon)
      clock.move(30 * second)
      expect((await asked(email)).status).toBe(202)
    }
    await authority.mailSettled()
    expect(await authority.mail.find(email, /new password/)).toHaveLength(2)
    expect(await authority.mail.find('nobody@plant.example')).toEqual([])
  })

  it('answers a reset alike for an unknown name and a wrong code, and ends tries of codes over all codes', async () => {
    const reset = (name: string, code = '000000') =>
      authority.ask('POST', routes.passwordReset, { email: name, code, password: 'quite another long phrase 7' })
    const known = await reset(email)
    expect(known).toMatchObject({ status: 401, body: { code: 'wrong-code' } })
    expect((await reset('nobody@plant.example')).body).toEqual(known.body)
    for (let index = 0; index < 9; index++) {
      if (index % 4 === 0) {
        clock.move(30 * second)
        await authority.ask('POST', routes.passwordForgot, { email })
        await authority.mail.takeCode(email, /new password/)
      }
      expect((await reset(email)).status).toBe(401)
      await reset('nobody@plant.example')
    }
    clock.move(30 * second)
    await authority.ask('POST', routes.passwordForgot, { email })
    const code = await authority.mail.takeCode(email, /new password/)
    const shut = await reset(email, code)
    expect(shut).toMatchObject({ status: 429 })
    expect((await reset('nobody@plant.example')).body).toMatchObject({ code: 'too-many-tries' })
    clock.move(5 * minute)
    await authority.ask('POST', routes.passwordForgot, { email })
    expect((await reset(email, await authority.mail.takeCode(email, /new password/))).status).toBe(204)
  })

  it('stands a clock that jumps a day back: the lock lasts no longer than a lock', async () => {
    await lockOut(authority, email)
    clock.move(-24 * hour)
    expect((await signIn(authority, { email })).status).toBe(401)
    clock.move(5 * minute)
    expect((await signIn(authority, { email })).status).toBe(200)
  })
})
