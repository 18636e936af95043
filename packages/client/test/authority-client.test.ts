import { describe, expect, it } from 'vitest'
import { AuthorityClient } from '../src/authority/authority-client.ts'

/** An authority that answers everything with this. */
const answering = (body: string, status = 200) =>
  new AuthorityClient({ url: 'http://authority.example/', fetch: async () => new Response(body, { status }) })

const credentials = { email: 'ada@plant.example', password: 'x' }
const me = {
  member: 'm',
  email: 'a',
  name: 'Ada',
  roles: [{ id: 'r', name: 'role' }],
  administrator: true,
  auditor: false,
  state: 'active',
  requestedRole: null,
  addressProved: true,
  secondFactor: 'none',
  grants: [],
}
const session = { token: 't', expiresAt: 1, knownDevice: 'd', me }

describe('answers of something that is no authority', () => {
  const nonsense = ['<html>Welcome to the hotel</html>', '', 'null', '[]', '"text"', '{}', '{"token":5}']

  it('are told as such, whatever was asked', async () => {
    for (const body of nonsense) {
      const authority = answering(body)
      for (const asked of [
        () => authority.deployment(),
        () => authority.logIn(credentials),
        () => authority.setUp({ code: 'c', name: 'Ada', ...credentials }),
        () => authority.addSender({ name: 's', algorithm: 'ES256', publicKey: 'AAAA' }),
        () => authority.enrol({ name: 's', code: 'c', algorithm: 'ES256', publicKey: 'AAAA' }),
      ]) {
        await expect(asked(), body).rejects.toMatchObject({
          name: 'AuthorityError',
          code: 'bad-answer',
          message: expect.stringContaining('http://authority.example'),
        })
      }
      await expect(authority.keyring(), body).rejects.toMatchObject({
        code: expect.stringMatching(/^(bad-answer|malformed)$/),
      })
    }
  })

  it('are told as such when one field deep inside is missing or of another type', async () => {
    expect(await answering(JSON.stringify(session)).logIn(credentials)).toEqual(session)
    for (const wrong of [
      { ...session, me: { ...me, roles: [{ id: 'r' }] } },
      { ...session, me: { ...me, grants: [{ channel: 'c', right: 'own' }] } },
      { ...session, me: { ...me, administrator: 'yes' } },
      { ...session, expiresAt: null },
    ]) {
      await expect(answering(JSON.stringify(wrong)).logIn(credentials)).rejects.toMatchObject({ code: 'bad-answer' })
    }
  })

  it('are told as such when they are refusals', async () => {
    for (const body of [...nonsense, '{"code":5,"message":"x"}', '{"code":"x"}']) {
      await expect(answering(body, 404).deployment(), body).rejects.toMatchObject({ code: 'bad-answer', status: 404 })
    }
    const refusal = answering('{"code":"locked","message":"Wait.","retryAfter":3}', 429)
    await expect(refusal.deployment()).rejects.toMatchObject({ code: 'locked', message: 'Wait.', retryAfter: 3 })
  })

  it('may be empty where nothing is to be said', async () => {
    const empty = new AuthorityClient({
      url: 'http://authority.example',
      fetch: async () => new Response(null, { status: 204 }),
    })
    expect(await empty.logOut()).toBeUndefined()
  })
})
