import { type Failure, type RecoveryCodes, routes, type TotpEnrolment } from '@sealmq/protocol/api'
import { beforeEach, describe, expect, it } from 'vitest'
import { onEachEngine } from './engines.ts'
import { SharedAuthority } from './shared-authority.ts'
import { addressOf, lockOut, signIn } from './sign-in.ts'
import { at, password, type TestAuthority, totpCode } from './test-authority.ts'
import { minute, second } from './test-clock.ts'

const step = 30 * second

onEachEngine('second factor', (engine) => {
  const shared = new SharedAuthority(engine)
  const { clock } = shared
  let authority: TestAuthority
  let email: string
  let secret: string
  let recoveryCodes: string[]
  const otp = (steps = 0) => totpCode(secret, clock.now() + steps * step)
  const status = async (attempt: Parameters<typeof signIn>[1]) => (await signIn(authority, attempt)).status
  beforeEach(() => {
    authority = shared.authority
  })

  describe('authenticator', () => {
    beforeEach(async () => {
      email = await shared.newMember('viewer')
      await authority.proveAddress(email)
      ;({ secret, recoveryCodes } = await authority.addTotp(await authority.logIn(email)))
      clock.move(4 * step)
    })

    it('is asked for after the right password only, and takes each code once, of 20 uses at once', async () => {
      expect(await signIn(authority, { email })).toMatchObject({
        status: 401,
        body: { code: 'otp-required', factor: 'totp' },
      })
      expect(await signIn(authority, { email, password: 'a wrong guess', otp: otp() })).toMatchObject({
        status: 401,
        body: { code: 'wrong-credentials' },
      })
      const uses = await Promise.all(
        Array.from({ length: 20 }, (_, index) => status({ email, otp: otp(), from: addressOf(index) })),
      )
      expect(uses.filter((one) => one === 200)).toHaveLength(1)
    })

    it.each([-1, 0, 1])('takes the code of step %i', async (steps) => {
      expect(await status({ email, otp: otp(steps) })).toBe(200)
      expect(await status({ email, otp: otp(steps) })).toBe(401)
    })

    it('refuses codes two steps away, and one that is older than the last that was taken', async () => {
      for (const steps of [-2, 2]) {
        expect(await signIn(authority, { email, otp: otp(steps) })).toMatchObject({ body: { code: 'wrong-code' } })
      }
      expect(await status({ email, otp: otp(1) })).toBe(200)
      expect(await status({ email, otp: otp() })).toBe(401)
      expect(await status({ email, otp: otp(-1) })).toBe(401)
      clock.move(2 * step)
      expect(await status({ email, otp: otp() })).toBe(200)
    })

    it('takes a code of sign-in for no step-up afterwards, and the other way round', async () => {
      const code = otp()
      const { body } = await signIn(authority, { email, otp: code })
      expect(await authority.ask('POST', routes.stepUp, { otp: code }, body.token)).toMatchObject({ status: 401 })
      clock.move(step)
      const next = otp()
      expect(await authority.ask('POST', routes.stepUp, { otp: next }, body.token)).toMatchObject({ status: 200 })
      expect(await status({ email, otp: next })).toBe(401)
    })

    it('locks by itself after five wrong codes: neither the right password nor other sessions give new tries', async () => {
      for (let index = 0; index < 4; index++) {
        expect(await signIn(authority, { email, otp: '000000', from: addressOf(index) })).toMatchObject({
          status: 401,
          body: { code: 'wrong-code' },
        })
        // The password alone is right each time.
        expect(await signIn(authority, { email })).toMatchObject({ body: { code: 'otp-required' } })
      }
      await signIn(authority, { email, recoveryCode: 'AAAAA-AAAAA' })
      const locked = await signIn(authority, { email, otp: otp() })
      expect(locked).toMatchObject({ status: 429, body: { code: 'too-many-tries', retryAfter: 300 } })
      expect(await status({ email, recoveryCode: recoveryCodes[0]! })).toBe(429)
      expect((await authority.askAdmin('GET', at(routes.member, email))).body).toMatchObject({
        lockedUntil: clock.now() + 5 * minute,
      })
      clock.move(5 * minute)
      expect(await status({ email, otp: otp() })).toBe(200)
    })

    it('lets guesses at once look at five codes and no more', async () => {
      const { body } = await signIn(authority, { email, otp: otp() })
      clock.move(4 * step)
      const guesses = await Promise.all(
        // None that is right: it would forgive those that were counted before it.
        Array.from({ length: 30 }, (_, index) => String(900_000 + index))
          .filter((code) => ![otp(-1), otp(), otp(1)].includes(code))
          .slice(0, 25)
          .map((otp) => authority.ask<Failure>('POST', routes.stepUp, { otp }, body.token)),
      )
      expect(guesses.filter(({ body }) => body.code === 'wrong-code')).toHaveLength(5)
      expect(guesses.filter(({ body }) => body.code === 'too-many-tries')).toHaveLength(20)
      expect(await authority.ask('POST', routes.stepUp, { otp: otp() }, body.token)).toMatchObject({ status: 429 })
    })

    it('gives ten recovery codes, each good once, of several uses at once, and hashed in the store', async () => {
      expect(recoveryCodes).toHaveLength(10)
      expect(new Set(recoveryCodes).size).toBe(10)
      for (const code of recoveryCodes) expect(code).toMatch(/^[2-9A-HJ-NP-Z]{5}-[2-9A-HJ-NP-Z]{5}$/)
      const uses = await Promise.all(
        Array.from({ length: 5 }, () => status({ email, recoveryCode: recoveryCodes[0]! })),
      )
      expect(uses.filter((one) => one === 200)).toHaveLength(1)
      await authority.mail.take(email, /recovery code was used/)
      await authority.askAdmin('POST', at(routes.memberUnlock, email))
      expect(await status({ email, recoveryCode: recoveryCodes[1]!.toLowerCase().replace('-', ' ') })).toBe(200)
      const store = await authority.database()
      const rows = await store.selectFrom('recovery_codes').selectAll().execute()
      const text = rows.map(({ code_hash }) => Buffer.from(code_hash).toString('latin1')).join()
      for (const code of recoveryCodes) expect(text).not.toContain(code.replace('-', ''))
      const { body } = await signIn(authority, { email, otp: otp() })
      const renewed = await authority.ask<RecoveryCodes>('POST', routes.recoveryCodes, undefined, body.token)
      expect(renewed.body.recoveryCodes).toHaveLength(10)
      expect(await status({ email, recoveryCode: recoveryCodes[2]! })).toBe(401)
      expect(await status({ email, recoveryCode: renewed.body.recoveryCodes[2]! })).toBe(200)
    })

    it('keeps the secret wrapped in the store', async () => {
      const store = await authority.database()
      for (const { secret_wrapped } of await store.selectFrom('totp').selectAll().execute()) {
        const text = Buffer.from(secret_wrapped)
        expect(text.toString('latin1')).not.toContain(secret)
        expect(text).not.toHaveLength(20)
      }
    })

    it('stays when the password is forgotten', async () => {
      await authority.ask('POST', routes.passwordForgot, { email })
      const code = await authority.mail.takeCode(email, /new password/)
      const next = 'quite another long phrase 7'
      await authority.ask('POST', routes.passwordReset, { email, code, password: next })
      expect(await signIn(authority, { email, password: next })).toMatchObject({
        body: { code: 'otp-required', factor: 'totp' },
      })
      expect(await status({ email, password: next, otp: otp() })).toBe(200)
    })

    it('is removed with a fresh factor, or by an administrator, and the owner is told', async () => {
      const { body } = await signIn(authority, { email, otp: otp() })
      expect((await authority.ask('DELETE', routes.totp, undefined, body.token)).status).toBe(204)
      await authority.mail.take(email, /authenticator was removed/)
      expect(await status({ email, recoveryCode: recoveryCodes[3]! })).toBe(200)
      ;({ secret, recoveryCodes } = await authority.addTotp(body.token))
      await authority.askAdmin('POST', at(routes.memberResetFactor, email))
      expect((await authority.ask('GET', routes.me, undefined, body.token)).status).toBe(401)
      await authority.mail.take(email, /authenticator was removed/)
      expect(await status({ email })).toBe(200)
    })
  })

  it('an authenticator needs a proved address, counts once confirmed, and is not replaced without removal', async () => {
    email = await shared.newMember('viewer')
    const token = await authority.logIn(email)
    expect(await authority.ask('POST', routes.totp, undefined, token)).toMatchObject({
      status: 409,
      body: { code: 'address-unproved' },
    })
    await authority.proveAddress(email)
    const enrolled = await authority.ask<TotpEnrolment>('POST', routes.totp, undefined, token)
    expect(enrolled.body.uri).toMatch(/^otpauth:\/\/totp\//)
    expect(await status({ email })).toBe(200)
    expect(await authority.ask('POST', routes.totpConfirm, { otp: '000000' }, token)).toMatchObject({ status: 401 })
    expect(await status({ email })).toBe(200)
    const code = totpCode(enrolled.body.secret, clock.now())
    expect((await authority.ask('POST', routes.totpConfirm, { otp: code }, token)).status).toBe(200)
    // The code that confirmed is used.
    expect(await status({ email, otp: code })).toBe(401)
    expect(await authority.ask('POST', routes.totp, undefined, token)).toMatchObject({ status: 409 })
    expect(await authority.ask('POST', routes.totpConfirm, { otp: code }, token)).toMatchObject({ status: 409 })
  })

  describe('mailed code', () => {
    beforeEach(async () => {
      email = await authority.mailedMember(shared.newName())
    })

    it('is asked for, mailed, and taken once, with spaces as well; a second one waits half a minute', async () => {
      const asked = await signIn(authority, { email })
      expect(asked).toMatchObject({ status: 401, body: { code: 'otp-required', factor: 'email', retryAfter: 30 } })
      const code = await authority.mail.takeCode(email, /sign in/)
      expect(await signIn(authority, { email })).toMatchObject({ status: 429, body: { retryAfter: 30 } })
      clock.move(30 * second)
      const uses = await Promise.all(
        Array.from({ length: 4 }, () => status({ email, otp: `${code.slice(0, 3)} ${code.slice(3)}` })),
      )
      expect(uses.filter((one) => one === 200)).toHaveLength(1)
      expect(await signIn(authority, { email })).toMatchObject({ body: { code: 'otp-required' } })
      const next = await authority.mail.takeCode(email, /sign in/)
      if (next !== code) expect(await status({ email, otp: code })).toBe(401)
      expect(await status({ email, otp: next })).toBe(200)
    })

    it('is refused after five minutes, and after five wrong ones, which a new code does not forgive', async () => {
      await signIn(authority, { email })
      const code = await authority.mail.takeCode(email, /sign in/)
      clock.move(5 * minute)
      expect(await signIn(authority, { email, otp: code })).toMatchObject({ status: 401, body: { code: 'wrong-code' } })
      await signIn(authority, { email })
      const next = await authority.mail.takeCode(email, /sign in/)
      for (let index = 0; index < 4; index++)
        await signIn(authority, { email, otp: next === '000000' ? '1' : '000000' })
      expect(await status({ email, otp: next })).toBe(429)
    })

    it('goes to nobody for a wrong password, and not while the account is locked', async () => {
      await lockOut(authority, email)
      expect((await signIn(authority, { email })).body).toMatchObject({ code: 'wrong-credentials' })
      await authority.mailSettled()
      expect(await authority.mail.find(email, /sign in/)).toEqual([])
    })

    it('is no code for a reset, nor a step-up', async () => {
      await signIn(authority, { email })
      const code = await authority.mail.takeCode(email, /sign in/)
      const request = { email, code, password: 'quite another long phrase 7' }
      expect((await authority.ask('POST', routes.passwordReset, request)).body).toMatchObject({ code: 'wrong-code' })
      const { body } = await signIn(authority, { email, otp: code, password })
      expect(await authority.ask('POST', routes.stepUpSend, undefined, body.token)).toMatchObject({ status: 202 })
      const fresh = await authority.mail.takeCode(email, /confirm a change/)
      if (fresh !== code) {
        expect((await authority.ask('POST', routes.stepUp, { otp: code }, body.token)).status).toBe(401)
        expect(await status({ email, otp: fresh })).toBe(401)
      }
      expect((await authority.ask('POST', routes.stepUp, { otp: fresh }, body.token)).status).toBe(200)
    })
  })
})
