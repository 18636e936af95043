import { type Failure, type Me, routes, type SessionInfo, type SteppedUp } from '@sealmq/protocol/api'
import { beforeEach, describe, expect, it } from 'vitest'
import { onEachEngine } from './engines.ts'
import { SharedAuthority } from './shared-authority.ts'
import { signIn } from './sign-in.ts'
import { at, password, TestAuthority, totpCode } from './test-authority.ts'
import { hour, minute, second } from './test-clock.ts'

const next = 'quite another long phrase 7'

onEachEngine('sessions', (engine) => {
  const shared = new SharedAuthority(engine)
  const { clock } = shared
  let authority: TestAuthority
  let email: string
  beforeEach(async () => {
    authority = shared.authority
    email = await shared.newMember('viewer')
  })
  const start = async () => (await signIn(authority, { email })).body.token
  const lives = async (token: string) => (await authority.ask('GET', routes.me, undefined, token)).status === 200
  const list = async (token: string) =>
    (await authority.ask<SessionInfo[]>('GET', routes.sessions, undefined, token)).body

  it('are listed to their owner, without tokens, and ended one by one or all others at once', async () => {
    const [first, second_, third] = [await start(), await start(), await start()]
    const others = await authority.logIn(await shared.newMember('viewer'))
    const sessions = await list(first)
    expect(sessions).toHaveLength(4)
    expect(JSON.stringify(sessions)).not.toContain(first)
    expect(sessions.filter(({ current }) => current)).toHaveLength(1)
    const [foreign] = await list(others)
    expect((await authority.ask('DELETE', at(routes.session, foreign!.id), undefined, first)).status).toBe(404)
    expect(await lives(others)).toBe(true)
    const ofSecond = (await list(second_)).find(({ current }) => current)!
    expect((await authority.ask('DELETE', at(routes.session, ofSecond.id), undefined, first)).status).toBe(204)
    expect([await lives(second_), await lives(third)]).toEqual([false, true])
    expect((await authority.ask('DELETE', routes.sessions, undefined, first)).status).toBe(204)
    expect([await lives(first), await lives(third)]).toEqual([true, false])
  })

  it('end at logout, after their time, and for no other reason', async () => {
    const [first, second_] = [await start(), await start()]
    expect((await authority.ask('POST', routes.logout, undefined, first)).status).toBe(204)
    expect([await lives(first), await lives(second_)]).toEqual([false, true])
    clock.move(12 * hour - 1)
    expect(await lives(second_)).toBe(true)
    clock.move(1)
    expect(await lives(second_)).toBe(false)
  })

  it.each<[string, (email: string) => Promise<{ status: number }>]>([
    ['role change', (name) => authority.askAdmin('PATCH', at(routes.member, name), { roles: ['sensor'] })],
    ['loss of the role', (name) => authority.askAdmin('PATCH', at(routes.member, name), { roles: [] })],
    ['lock by an administrator', (name) => authority.askAdmin('POST', at(routes.memberLock, name))],
    [
      'new password by an administrator',
      (name) => authority.askAdmin('PATCH', at(routes.member, name), { password: next }),
    ],
    ['reset of the factor', (name) => authority.askAdmin('POST', at(routes.memberResetFactor, name))],
    ['end by an administrator', (name) => authority.askAdmin('DELETE', at(routes.memberSessions, name))],
    ['removal', (name) => authority.askAdmin('DELETE', at(routes.member, name))],
    [
      'reset of the password',
      async (name) => {
        await authority.ask('POST', routes.passwordForgot, { email: name })
        const code = await authority.mail.takeCode(name, /new password/)
        return authority.ask('POST', routes.passwordReset, { email: name, code, password: next })
      },
    ],
  ])('end with a %s', async (_, change) => {
    const tokens = [await start(), await start()]
    expect((await change(email)).status).toBeLessThan(300)
    for (const token of tokens) {
      expect(await authority.ask('GET', routes.me, undefined, token)).toMatchObject({
        status: 401,
        body: { code: 'not-signed-in' },
      })
    }
    expect(await lives(authority.admin)).toBe(true)
  })

  it('of a locked member do not come back when it is unlocked', async () => {
    const token = await start()
    await authority.askAdmin('POST', at(routes.memberLock, email))
    expect((await signIn(authority, { email })).status).toBe(401)
    await authority.askAdmin('POST', at(routes.memberUnlock, email))
    expect(await lives(token)).toBe(false)
    expect(await lives(await start())).toBe(true)
  })

  it('live on over a restart; what is no token is refused', async () => {
    const token = await start()
    await authority.restart()
    expect(await lives(token)).toBe(true)
    for (const wrong of ['', token.slice(1), `${token}A`, token.toUpperCase(), 'A'.repeat(43)]) {
      expect(await lives(wrong)).toBe(false)
    }
  })

  describe('with cookies', () => {
    const origin = () => authority.running.httpUrl
    const logInByCookie = (headers: Record<string, string>) =>
      authority.ask<Failure & { token: string; knownDevice: string; me: Me }>(
        'POST',
        routes.login,
        { email, password, cookie: true },
        undefined,
        headers,
      )
    const cookiesOf = (headers: Headers) =>
      Object.fromEntries(headers.getSetCookie().map((cookie) => [cookie.split('=')[0]!, cookie]))
    const value = (cookie: string) => cookie.split(';')[0]!

    it('keep their tokens from scripts and other sites', async () => {
      const { status, body, headers } = await logInByCookie({ origin: origin() })
      expect({ status, token: body.token, device: body.knownDevice }).toEqual({ status: 200, token: '', device: '' })
      const { sealmq_session, sealmq_device } = cookiesOf(headers)
      for (const cookie of [sealmq_session!, sealmq_device!]) {
        expect(cookie).toMatch(/; HttpOnly/)
        expect(cookie).toMatch(/; SameSite=Strict/)
        // Loopback without TLS: a browser would not send it back.
        expect(cookie).not.toMatch(/; Secure/)
      }
      expect(sealmq_device).toContain('Path=/api/v1/login')
      const cookie = value(sealmq_session!)
      expect(await authority.ask('GET', routes.me, undefined, undefined, { cookie })).toMatchObject({
        status: 200,
        body: { email },
      })
      const foreign: Record<string, string>[] = [
        { cookie },
        { cookie, origin: 'https://evil.example' },
        { cookie, origin: 'null' },
        { cookie, origin: `${origin()}.evil.example` },
        { cookie, origin: origin().replace('http:', 'https:') },
        { cookie, origin: origin().replace(/\d+$/, '1') },
      ]
      for (const more of foreign) {
        for (const [method, path] of [
          ['POST', routes.logout],
          ['POST', routes.totp],
          ['DELETE', routes.sessions],
        ] as const) {
          const answer = await authority.ask(method, path, undefined, undefined, more)
          expect(answer, `${path} ${more.origin}`).toMatchObject({ status: 403, body: { code: 'foreign-origin' } })
        }
      }
      const left = await authority.ask('POST', routes.logout, undefined, undefined, { cookie, origin: origin() })
      expect(left.status).toBe(204)
      expect(left.headers.get('set-cookie')).toMatch(/^sealmq_session=;/)
      expect((await authority.ask('GET', routes.me, undefined, undefined, { cookie })).status).toBe(401)
    })

    it('are what a browser that sets the authority up gets, and no foreign page', async () => {
      const request = { code: 'AAAAA-AAAAA-AAAAA-AAAAA', email, name: 'x', password, cookie: true }
      const ask = (headers: Record<string, string>) =>
        authority.ask<Failure>('POST', routes.setup, request, undefined, headers)
      expect(await ask({})).toMatchObject({ status: 403, body: { code: 'foreign-origin' } })
      expect((await ask({ origin: origin() })).body.code).not.toBe('foreign-origin')
    })

    it('are given to no foreign page, and make a known device of a browser', async () => {
      expect(await logInByCookie({})).toMatchObject({ status: 403, body: { code: 'foreign-origin' } })
      expect((await logInByCookie({ origin: 'https://evil.example' })).headers.getSetCookie()).toEqual([])
      const { headers } = await logInByCookie({ origin: origin() })
      const device = value(cookiesOf(headers).sealmq_device!)
      for (let index = 0; index < 3; index++) await signIn(authority, { email, password: 'a wrong guess' })
      expect((await signIn(authority, { email })).status).toBe(401)
      expect((await logInByCookie({ origin: origin(), cookie: device })).status).toBe(200)
    })

    it('are for TLS only where the authority is reached from elsewhere', async () => {
      const other = await TestAuthority.withAdministrator({
        store: await engine.newStore(),
        http: { host: '0.0.0.0', port: 0 },
        allowPlain: true,
      })
      const request = { email: 'ada@plant.example', password, cookie: true }
      const { headers, status } = await other.ask('POST', routes.login, request, undefined, {
        origin: other.running.httpUrl,
      })
      expect(status).toBe(200)
      for (const cookie of headers.getSetCookie()) expect(cookie).toMatch(/; Secure/)
      await other.close()
    })
  })

  describe('step-up', () => {
    /** What a person does with the own sessions needs no fresh factor, nor does a checkpoint; strangers have none. */
    const without = [
      routes.setup,
      routes.login,
      routes.signUp,
      routes.verify,
      routes.verifySend,
      routes.passwordForgot,
      routes.passwordReset,
      routes.logout,
      routes.stepUp,
      routes.stepUpSend,
      routes.sessions,
      routes.sessionSenders,
      routes.session,
      routes.auditCheckpoint,
      routes.enrol,
      routes.renewal,
    ].map(String)
    const status = async (token: string, method: string, path: string, body?: object) =>
      (await authority.ask<Failure>(method, path, body, token)).status

    it('is asked for by every route that changes something, ten minutes after the last factor', async () => {
      const { body } = await authority.ask<{ paths: Record<string, Record<string, { requestBody?: object }>> }>(
        'GET',
        '/api/docs/json',
      )
      const changes = Object.entries(body.paths)
        .map(([path, methods]) => [path.replaceAll(/\{(\w+)\}/g, ':$1'), methods] as const)
        .filter(([path]) => path.startsWith('/api/v1/') && !without.includes(path))
        .flatMap(([path, methods]) =>
          Object.entries(methods).map(([method, { requestBody }]) => ({ path, method, requestBody })),
        )
        .filter(({ method }) => method !== 'get')
      expect(changes.length).toBeGreaterThan(25)
      const admin = authority.admin
      clock.move(10 * minute + 1)
      for (const { path, method, requestBody } of changes) {
        const url = path.replace(':id', path.startsWith(routes.senders) ? '1' : 'none')
        const answer = await authority.ask<Failure>(method.toUpperCase(), url, requestBody ? {} : undefined, admin)
        expect(answer, `${method} ${path}`).toMatchObject({
          status: 403,
          body: { code: 'step-up-required', factor: 'password' },
        })
      }
      expect(await status(admin, 'GET', routes.members)).toBe(200)
      expect(await status(admin, 'POST', routes.stepUp, { password })).toBe(200)
      const rotated = await authority.askAdmin('POST', at(routes.rotate, 'sensor'))
      expect(rotated.status).toBeLessThan(300)
      await shared.refreshAdministrator()
    })

    it('is good for ten minutes, for its own session, also when the clock goes back', async () => {
      const [token, other] = [await start(), await start()]
      const change = (by: string) =>
        status(by, 'POST', routes.accountEmail, { email: `x${email}`, password: 'wrong one' })
      clock.move(10 * minute + 1)
      expect([await change(token), await change(other)]).toEqual([403, 403])
      const stepped = await authority.ask<SteppedUp>('POST', routes.stepUp, { password }, token)
      expect(stepped.body).toEqual({ until: clock.now() + 10 * minute })
      expect([await change(token), await change(other)]).toEqual([401, 403])
      clock.move(-hour)
      expect(await change(token)).toBe(403)
      clock.move(hour + 10 * minute)
      expect(await change(token)).toBe(401)
      clock.move(1)
      expect(await change(token)).toBe(403)
      await shared.refreshAdministrator()
    })

    it('takes the password only where there is no second factor, and counts wrong ones', async () => {
      const token = await start()
      for (let index = 0; index < 3; index++) {
        expect(await status(token, 'POST', routes.stepUp, { password: 'a wrong guess' })).toBe(401)
      }
      expect(await status(token, 'POST', routes.stepUp, { password })).toBe(429)
      clock.move(5 * minute)
      expect(await status(token, 'POST', routes.stepUp, { password })).toBe(200)
      expect(await status(token, 'POST', routes.stepUp, {})).toBe(400)
      await authority.proveAddress(email)
      const { secret } = await authority.addTotp(token)
      clock.move(10 * minute + 30 * second)
      expect(await status(token, 'POST', routes.stepUp, { password })).toBe(400)
      for (let index = 0; index < 5; index++) {
        expect(await status(token, 'POST', routes.stepUp, { otp: 'no' })).toBe(401)
      }
      expect(await status(token, 'POST', routes.stepUp, { otp: totpCode(secret, clock.now()) })).toBe(429)
      clock.move(5 * minute)
      expect(await status(token, 'POST', routes.stepUp, { otp: totpCode(secret, clock.now()) })).toBe(200)
      expect(await status(token, 'POST', routes.stepUpSend)).toBe(400)
      expect(await status(token, 'DELETE', routes.totp)).toBe(204)
      await shared.refreshAdministrator()
    })

    it('takes the code from the mail where that is the second factor', async () => {
      const mailed = await authority.mailedMember(shared.newName())
      await signIn(authority, { email: mailed })
      const otp = await authority.mail.takeCode(mailed, /sign in/)
      const { token } = (await signIn(authority, { email: mailed, otp })).body
      clock.move(10 * minute + 1)
      expect((await authority.ask<Failure>('POST', routes.totp, undefined, token)).body).toMatchObject({
        code: 'step-up-required',
        factor: 'email',
      })
      expect(await status(token, 'POST', routes.stepUp, { password })).toBe(400)
      expect(await status(token, 'POST', routes.stepUpSend)).toBe(202)
      expect(await status(token, 'POST', routes.stepUpSend)).toBe(429)
      const code = await authority.mail.takeCode(mailed, /confirm a change/)
      expect(await status(token, 'POST', routes.stepUp, { otp: code })).toBe(200)
      expect(await status(token, 'POST', routes.stepUp, { otp: code })).toBe(401)
      expect(await status(token, 'POST', routes.totp)).toBe(201)
      await shared.refreshAdministrator()
    })
  })
})
