import { toBase64url } from '@sealmq/protocol'
import { routes, type SenderCreated, type SenderInfo, type SessionInfo } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { beforeEach, describe, expect, it } from 'vitest'
import { onEachEngine } from './engines.ts'
import { closed, connectMqtt, refusedConnect } from './mqtt-connection.ts'
import { SharedAuthority } from './shared-authority.ts'
import { at, type TestAuthority } from './test-authority.ts'
import { hour } from './test-clock.ts'

onEachEngine('a sender bound to a session', (engine) => {
  const shared = new SharedAuthority(engine)
  let authority: TestAuthority
  let email: string
  let session: string
  beforeEach(async () => {
    authority = shared.authority
    email = await shared.newMember('viewer')
    session = await authority.logIn(email)
  })
  const ask = async (token: string) => {
    const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
    const request = { name: 'tab', algorithm: 'ES256', publicKey: toBase64url(publicKey) }
    return authority.ask<SenderCreated>('POST', routes.sessionSenders, request, token)
  }
  const enter = async (token = session) => {
    const { status, body } = await ask(token)
    expect(status).toBe(201)
    return body
  }
  const status = async (sender: SenderCreated) =>
    (await authority.ask('GET', routes.keyring, undefined, sender.token)).status
  const rowsOf = async () => (await authority.ask<SenderInfo[]>('GET', routes.senders, undefined, session)).body

  describe.each<[string, () => Promise<{ status: number }>]>([
    ['signing out', () => authority.ask('POST', routes.logout, undefined, session)],
    ['a change of roles', () => authority.askAdmin('PATCH', at(routes.member, email), { roles: ['sensor'] })],
    ['a lock', () => authority.askAdmin('POST', at(routes.memberLock, email))],
    ['the end by an administrator', () => authority.askAdmin('DELETE', at(routes.memberSessions, email))],
    ['a removal', () => authority.askAdmin('DELETE', at(routes.member, email))],
  ])('at %s', (_, end) => {
    it('is dead at once: token, live connection, CONNECT', async () => {
      const sender = await enter()
      expect(await status(sender)).toBe(200)
      const client = await connectMqtt(authority, sender)
      const dropped = closed(client)
      expect((await end()).status).toBeLessThan(300)
      await dropped
      expect(await status(sender)).toBe(401)
      await expect(connectMqtt(authority, sender)).rejects.toMatchObject(refusedConnect)
    })
  })

  it('is dead when the time of its session is over, before anybody sweeps', async () => {
    const sender = await enter()
    shared.clock.move(12 * hour)
    expect(await status(sender)).toBe(401)
    await expect(connectMqtt(authority, sender)).rejects.toMatchObject(refusedConnect)
    await shared.refreshAdministrator()
  })

  it('lives on when another session of its member ends', async () => {
    const other = await authority.logIn(email)
    const sender = await enter()
    const { body } = await authority.ask<SessionInfo[]>('GET', routes.sessions, undefined, other)
    const { id } = body.find(({ current }) => current)!
    expect((await authority.ask('DELETE', at(routes.session, id), undefined, session)).status).toBe(204)
    expect(await status(sender)).toBe(200)
  })

  it('ends itself without a new epoch, and is listed as ended and not as revoked', async () => {
    const [sender, witness] = [await enter(), await enter()]
    const epochs = async () =>
      (await authority.keyring(witness.token)).channels.map(({ keys }) => keys.map(({ epoch }) => epoch))
    const before = await epochs()
    expect((await authority.ask('DELETE', at(routes.sender, sender.sender), undefined, sender.token)).status).toBe(204)
    expect(await status(sender)).toBe(401)
    expect(await epochs()).toEqual(before)
    expect((await rowsOf()).find((row) => row.sender === sender.sender)).toMatchObject({
      ofSession: true,
      endedAt: expect.any(Number),
      revokedAt: null,
    })
  })

  it('cannot enter another one, nor end one of the same session', async () => {
    const [sender, other] = [await enter(), await enter()]
    expect((await ask(sender.token)).status).toBe(401)
    expect((await authority.ask('DELETE', at(routes.sender, other.sender), undefined, sender.token)).status).toBe(404)
    expect(await status(other)).toBe(200)
  })

  it('is ended when it is the oldest of seventeen', async () => {
    const senders: SenderCreated[] = []
    while (senders.length < 17) senders.push(await enter())
    expect([await status(senders[0]!), await status(senders[1]!), await status(senders[16]!)]).toEqual([401, 200, 200])
  })
})
