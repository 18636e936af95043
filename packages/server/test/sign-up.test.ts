import {
  type Failure,
  type HandedCode,
  type Me,
  type MemberInfo,
  routes,
  type SignUpStarted,
  type Verified,
} from '@sealmq/protocol/api'
import { beforeEach, expect, it } from 'vitest'
import { onEachEngine } from './engines.ts'
import { SharedAuthority } from './shared-authority.ts'
import { signIn } from './sign-in.ts'
import { at, password, type TestAuthority } from './test-authority.ts'
import { minute, second } from './test-clock.ts'

onEachEngine('sign-up', (engine) => {
  const shared = new SharedAuthority(engine)
  const { clock } = shared
  let authority: TestAuthority
  let email: string
  beforeEach(() => {
    authority = shared.authority
    email = `${shared.newName()}@plant.example`
  })
  const begin = (more: object = {}) =>
    authority.ask<SignUpStarted & Failure>('POST', routes.signUp, {
      email,
      name: 'Bea',
      password,
      role: 'viewer',
      ...more,
    })
  const verify = (code: string, signUp?: string, address = email) =>
    authority.ask<Verified & Failure>('POST', routes.verify, { email: address, code, ...(signUp ? { signUp } : {}) })
  const codeOfSignUp = (address = email) => authority.mail.takeCode(address, /sign up/)
  const memberOf = (address = email) => authority.askAdmin<MemberInfo>('GET', at(routes.member, address))
  /** In by the mailed code. */
  const enter = async (address = email) => {
    await signIn(authority, { email: address })
    const otp = await authority.mail.takeCode(address, /sign in/)
    return (await signIn(authority, { email: address, otp })).body.token
  }

  it('makes nobody a member before the address is proved, and once of many double submits', async () => {
    const { status, body } = await begin()
    expect(status).toBe(202)
    const code = await codeOfSignUp()
    expect((await memberOf()).status).toBe(404)
    expect((await signIn(authority, { email })).body).toMatchObject({ code: 'wrong-credentials' })
    const answers = await Promise.all(Array.from({ length: 6 }, () => verify(code, body.signUp)))
    const proved = answers.filter((answer) => answer.status === 200)
    expect(proved.map((answer) => answer.body)).toEqual([{ state: 'waiting' }])
    for (const answer of answers) if (answer.status !== 200) expect(answer.body.code).toMatch(/wrong-code|too-many/)
    expect((await memberOf()).body).toMatchObject({
      state: 'waiting',
      requestedRole: 'viewer',
      addressProved: true,
      roles: [],
    })
    expect((await verify(code, body.signUp)).status).not.toBe(200)
  })

  it('lets no stranger have an address confirmed by its owner', async () => {
    const attacker = await begin({ password: 'the attacker knows this one 5' })
    const first = await codeOfSignUp()
    clock.move(30 * second)
    const owner = await begin()
    const second_ = await codeOfSignUp()
    // The owner's code does not confirm the attacker's sign-up, nor the attacker's code the owner's.
    if (first !== second_) {
      expect((await verify(second_, attacker.body.signUp)).body).toMatchObject({ code: 'wrong-code' })
      expect((await verify(first, owner.body.signUp)).body).toMatchObject({ code: 'wrong-code' })
    }
    expect((await verify(second_)).body).toMatchObject({ code: 'wrong-code' })
    expect((await verify(second_, owner.body.signUp, `x${email}`)).body).toMatchObject({ code: 'wrong-code' })
    expect((await verify(second_, owner.body.signUp)).status).toBe(200)
    expect((await verify(first, attacker.body.signUp)).status).not.toBe(200)
    expect((await signIn(authority, { email, password: 'the attacker knows this one 5' })).body).toMatchObject({
      code: 'wrong-credentials',
    })
    expect((await signIn(authority, { email })).body).toMatchObject({ code: 'otp-required' })
  })

  it('answers alike for an address that has an account, tells its owner, and changes nothing', async () => {
    const known = await shared.newMember('viewer')
    const fresh = await begin()
    const taken = await begin({ email: known.toUpperCase(), password: 'the attacker knows this one 5', role: 'admin' })
    const shape = ({ status, body, headers }: typeof fresh) => ({
      status,
      body: { ...body, signUp: body.signUp.length },
      headers: [...headers.keys()].sort(),
    })
    expect(shape(taken)).toEqual(shape(fresh))
    await authority.mail.take(known, /already have an account/)
    await authority.mailSettled()
    expect(await authority.mail.find(known, /your code/i)).toEqual([])
    expect((await verify('000000', taken.body.signUp, known)).body).toMatchObject({ code: 'wrong-code' })
    expect((await memberOf(known)).body).toMatchObject({ roles: ['viewer'], state: 'active' })
    expect((await signIn(authority, { email: known })).status).toBe(200)
    // Too soon for both.
    const soon = await begin()
    expect(soon).toMatchObject({ status: 429, body: { retryAfter: 30 } })
    expect((await begin({ email: known })).body).toEqual(soon.body)
  })

  it('refuses a code that is expired or was tried five times', async () => {
    const { body } = await begin()
    const code = await codeOfSignUp()
    clock.move(5 * minute)
    expect((await verify(code, body.signUp)).body).toMatchObject({ code: 'wrong-code' })
    const again = await begin()
    const next = await codeOfSignUp()
    for (let index = 0; index < 5; index++) {
      expect((await verify(next === '000000' ? '1' : '000000', again.body.signUp)).status).toBe(401)
    }
    expect((await verify(next, again.body.signUp)).status).toBe(401)
  })

  it('checks role, address and password, and is closed where the authority says so', async () => {
    expect(await begin({ role: 'captain' })).toMatchObject({ status: 404 })
    expect(await begin({ email: 'bea' })).toMatchObject({ status: 400 })
    expect(await begin({ email: 'a@b.c, d@e.f' })).toMatchObject({ status: 400 })
    expect(await begin({ email: 'a@b.c\r\nBcc: d@e.f' })).toMatchObject({ status: 400 })
    expect(await begin({ password: 'password12345' })).toMatchObject({ status: 400, body: { code: 'weak-password' } })
    expect(await begin({ name: 'Béatrice 🔑 Ωmega' })).toMatchObject({ status: 202 })
  })

  it('lets one that waits see its state and nothing else, also when the role would administer', async () => {
    const { body } = await begin({ role: 'admin' })
    await verify(await codeOfSignUp(), body.signUp)
    const token = await enter()
    const me = await authority.ask<Me>('GET', routes.me, undefined, token)
    expect(me.body).toMatchObject({
      state: 'waiting',
      administrator: false,
      roles: [],
      requestedRole: 'admin',
      grants: [],
    })
    const asked = [
      ['GET', routes.members],
      ['GET', routes.sessions],
      ['GET', routes.senders],
      ['POST', routes.senders],
      ['POST', routes.password],
      ['POST', routes.channels],
      ['POST', at(routes.memberApprove, email)],
    ] as const
    for (const [method, path] of asked) {
      const answer = await authority.ask(method, path, method === 'POST' ? {} : undefined, token)
      expect(answer, path).toMatchObject({ status: 403, body: { code: 'not-approved' } })
    }
    expect(await authority.ask('GET', routes.keyring, undefined, token)).toMatchObject({ status: 401 })
  })

  it('approves with the role that was asked for or another; the limited session ends, and the person hears of it', async () => {
    await authority.signUp(email.split('@')[0]!)
    const token = await enter()
    const approved = await authority.askAdmin<MemberInfo>('POST', at(routes.memberApprove, email), { role: 'sensor' })
    expect(approved.body).toMatchObject({ state: 'active', roles: ['sensor'] })
    expect((await authority.ask('GET', routes.me, undefined, token)).status).toBe(401)
    await authority.mail.take(email, /welcome/i)
    expect((await authority.askAdmin('POST', at(routes.memberApprove, email), {})).status).toBe(409)
    expect((await authority.askAdmin('POST', at(routes.memberReject, email))).status).toBe(409)
    expect((await authority.askAdmin('POST', at(routes.memberApprove, 'nobody'), {})).status).toBe(404)
  })

  it('approves once of two administrators at once', async () => {
    await authority.signUp(email.split('@')[0]!)
    const answers = await Promise.all([
      authority.askAdmin('POST', at(routes.memberApprove, email), {}),
      authority.askAdmin('POST', at(routes.memberApprove, email), { role: 'sensor' }),
      authority.askAdmin('POST', at(routes.memberReject, email)),
    ])
    expect(answers.filter(({ status }) => status < 300)).toHaveLength(1)
  })

  it('rejects: the account is gone, and the person hears of it', async () => {
    await authority.signUp(email.split('@')[0]!)
    expect((await authority.askAdmin('POST', at(routes.memberReject, email))).status).toBe(204)
    await authority.mail.take(email, /your request/i)
    expect((await memberOf()).status).toBe(404)
    expect((await signIn(authority, { email })).status).toBe(401)
  })

  it('approves by domain after the proof only, by the exact domain, and never to a role that administers', async () => {
    const role = { name: `dept ${email}`, grants: [], approveDomains: ['Plant.Example'] }
    await authority.askAdmin('POST', routes.roles, role)
    const domainsOfAdmin = await authority.askAdmin('PATCH', at(routes.role, 'admin'), {
      approveDomains: ['plant.example'],
    })
    expect(domainsOfAdmin).toMatchObject({ status: 400 })
    const administers = { name: `x${role.name}`, administrator: true, grants: [], approveDomains: ['plant.example'] }
    expect((await authority.askAdmin('POST', routes.roles, administers)).status).toBe(400)
    const { body } = await begin({ role: role.name })
    const code = await codeOfSignUp()
    expect((await memberOf()).status).toBe(404)
    expect((await verify(code, body.signUp)).body).toEqual({ state: 'active' })
    expect((await memberOf()).body).toMatchObject({ state: 'active', roles: [role.name] })
    const before = email
    for (const foreign of [before.replace('@', '@evil-'), before.replace('@', '@sub.'), `${before}.evil.test`]) {
      const started = await begin({ email: foreign, role: role.name })
      expect((await verify(await codeOfSignUp(foreign), started.body.signUp, foreign)).body).toEqual({
        state: 'waiting',
      })
    }
  })

  it('invites: the code comes by mail, is long, and makes the account with its mailbox as second factor', async () => {
    const invitation = { email, name: 'Ida', roles: ['sensor'] }
    const { status, body } = await authority.askAdmin<HandedCode>('POST', routes.membersInvite, invitation)
    expect({ status, code: body.code }).toEqual({ status: 201, code: null })
    const code = await authority.mail.takeCode(email, /invited/)
    expect(code.replaceAll('-', '')).toHaveLength(20)
    const reset = (given: string) => authority.ask('POST', routes.passwordReset, { email, code: given, password })
    expect((await reset('ABCDE-FGHJK-LMNPQ-RSTUV')).status).toBe(401)
    clock.move(3 * 24 * 60 * minute)
    expect((await reset(code.toLowerCase().replaceAll('-', ' '))).status).toBe(204)
    expect((await reset(code)).status).toBe(401)
    const token = await enter()
    expect((await authority.ask<Me>('GET', routes.me, undefined, token)).body).toMatchObject({
      state: 'active',
      addressProved: true,
      secondFactor: 'email',
    })
    await shared.refreshAdministrator()
    expect((await authority.askAdmin('POST', routes.membersInvite, invitation)).status).toBe(409)
  })

  it('hands a code over for a user name without a mailbox; a newer one ends the older, and a week its life', async () => {
    const user = shared.newName()
    const { body } = await authority.askAdmin<HandedCode>('POST', routes.membersInvite, {
      email: user,
      name: user,
      roles: [],
    })
    const { body: second_ } = await authority.askAdmin<HandedCode>('POST', at(routes.memberCode, user))
    const reset = (code: string) => authority.ask('POST', routes.passwordReset, { email: user, code, password })
    expect((await reset(body.code!)).status).toBe(401)
    clock.move(7 * 24 * 60 * minute)
    expect((await reset(second_.code!)).status).toBe(401)
    await shared.refreshAdministrator()
    const { body: third } = await authority.askAdmin<HandedCode>('POST', at(routes.memberCode, user))
    expect((await reset(third.code!)).status).toBe(204)
    expect((await signIn(authority, { email: user })).status).toBe(200)
    expect((await authority.ask('POST', routes.passwordForgot, { email: user })).status).toBe(202)
  })

  it('limits a session to the enrolment while a role asks for the authenticator', async () => {
    const role = {
      name: `strict ${email}`,
      grants: [{ channel: 'sensor', right: 'subscribe' }],
      requireAuthenticator: true,
    }
    await authority.askAdmin('POST', routes.roles, role)
    await authority.askAdmin('POST', routes.members, { email, name: 'Bea', password, roles: [role.name] })
    await authority.proveAddress(email)
    const token = await authority.logIn(email)
    expect((await authority.ask<Me>('GET', routes.me, undefined, token)).body).toMatchObject({ state: 'factor-needed' })
    for (const [method, path] of [
      ['GET', routes.sessions],
      ['POST', routes.senders],
      ['POST', routes.recoveryCodes],
    ] as const) {
      const answer = await authority.ask(method, path, path === routes.senders ? {} : undefined, token)
      expect(answer, path).toMatchObject({ status: 403, body: { code: 'factor-needed' } })
    }
    await authority.addTotp(token)
    expect((await authority.ask<Me>('GET', routes.me, undefined, token)).body).toMatchObject({ state: 'active' })
    expect((await authority.ask('GET', routes.sessions, undefined, token)).status).toBe(200)
    expect(await authority.ask('DELETE', routes.totp, undefined, token)).toMatchObject({ status: 403 })
  })

  it('proves a new address before the account has it; the old one hears of it', async () => {
    const old = await shared.newMember('viewer')
    const token = await authority.logIn(old)
    const ask = (given: object) => authority.ask('POST', routes.accountEmail, { email, password, ...given }, token)
    expect((await ask({ password: 'a wrong guess' })).status).toBe(401)
    expect((await ask({})).status).toBe(202)
    const code = await authority.mail.takeCode(email, /use this address/)
    expect((await memberOf(old)).status).toBe(200)
    const confirm = (given: string) => authority.ask('POST', routes.accountEmailConfirm, { code: given }, token)
    expect((await confirm(code === '000000' ? '1' : '000000')).status).toBe(401)
    expect((await confirm(code)).status).toBe(204)
    expect((await confirm(code)).status).toBe(401)
    await authority.mail.take(old, /address .* was changed/)
    expect((await memberOf(old)).status).toBe(404)
    expect((await memberOf()).body).toMatchObject({ addressProved: true })
    // An address that somebody has is answered alike, and nothing comes of it.
    clock.move(30 * second)
    const other = await shared.newMember('viewer')
    expect((await ask({ email: other })).status).toBe(202)
    await authority.mail.take(other, /already have an account/)
  })

  it('gives a new address no more tries of codes than a lock allows, however many codes are asked for', async () => {
    const old = await shared.newMember('viewer')
    const token = await authority.logIn(old)
    let wrong = 0
    for (let round = 0; round < 6; round++) {
      await authority.ask('POST', routes.accountEmail, { email, password }, token)
      for (let index = 0; index < 5; index++) {
        const { status } = await authority.ask('POST', routes.accountEmailConfirm, { code: 'wrong' }, token)
        if (status === 401) wrong++
      }
      clock.move(30 * second)
    }
    expect(wrong).toBeLessThanOrEqual(10)
  })

  it('gives an address to one of two that prove it at once', async () => {
    const tokens = await Promise.all([1, 2].map(async () => authority.logIn(await shared.newMember('viewer'))))
    const codes: string[] = []
    for (const token of tokens) {
      await authority.ask('POST', routes.accountEmail, { email, password }, token)
      codes.push(await authority.mail.takeCode(email, /use this address/))
    }
    const answers = await Promise.all(
      tokens.map((token, index) => authority.ask('POST', routes.accountEmailConfirm, { code: codes[index] }, token)),
    )
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 409])
  })
})
