import { toBase64url } from '@sealmq/protocol'
import { routes, type SenderCreated, type SenderInfo, type SessionInfo } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { sql } from 'kysely'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { sweepInterval } from '../src/app.ts'
import { ManualTimers } from './audit-records.ts'
import { onEachEngine } from './engines.ts'
import { closed, connectMqtt, refusedConnect } from './mqtt-connection.ts'
import { SharedAuthority } from './shared-authority.ts'
import { at, password, type TestAuthority } from './test-authority.ts'
import { hour } from './test-clock.ts'

const newPassword = 'another horse, another battery'

onEachEngine('a sender bound to a session', (engine) => {
  const timers = new ManualTimers()
  const shared = new SharedAuthority(engine, { schedule: timers.schedule })
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
    [
      'a new password by another session',
      async () => authority.ask('POST', routes.password, { password, newPassword }, await authority.logIn(email)),
    ],
    [
      'a password that was forgotten',
      async () => {
        await authority.ask('POST', routes.passwordForgot, { email })
        const code = await authority.mail.takeCode(email, /new password/)
        return authority.ask('POST', routes.passwordReset, { email, code, password: newPassword })
      },
    ],
    ['a reset of the authenticator', () => authority.askAdmin('POST', at(routes.memberResetFactor, email))],
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

  it('is dropped by the sweep when the time of its session is over: live connection and change feed; and ended at that time', async () => {
    const { body } = await authority.ask<SessionInfo[]>('GET', routes.sessions, undefined, session)
    const { expiresAt } = body.find(({ current }) => current)!
    const sender = await enter()
    const dropped = closed(await connectMqtt(authority, sender))
    const feed = await fetch(`${authority.running.httpUrl}${routes.changes}`, {
      headers: { authorization: `Bearer ${sender.token}` },
    })
    // Some time after: nothing that was sealed in between opens.
    shared.clock.move(12 * hour + 30_000)
    // A sign-in forgets the row of the session, before the sweep comes.
    session = await authority.logIn(email)
    await shared.refreshAdministrator()
    timers.elapse(sweepInterval)
    await dropped
    await feed.text().catch(() => '')
    await vi.waitFor(async () => {
      const row = (await rowsOf()).find((one) => one.sender === sender.sender)
      expect(row).toMatchObject({ endedAt: expiresAt, revokedAt: null })
    })
  })

  it('never lives beside the end of its session, when both come at once', async () => {
    for (let round = 0; round < 8; round++) {
      const own = await authority.logIn(email)
      const asked = Array.from({ length: 3 }, () => ask(own))
      const ended = await authority.ask('POST', routes.logout, undefined, own)
      expect(ended.status).toBeLessThan(300)
      for (const { status: answered, body } of await Promise.all(asked)) {
        expect([201, 401]).toContain(answered)
        if (answered !== 201) continue
        expect(await status(body)).toBe(401)
        await expect(connectMqtt(authority, body)).rejects.toMatchObject(refusedConnect)
      }
    }
    const store = await authority.database()
    const orphans = await store
      .selectFrom('senders')
      .leftJoin('sessions', 'sessions.id', 'senders.session_id')
      .select('sender')
      .where('session_id', 'is not', null)
      .where('sessions.id', 'is', null)
      .where('ended_at', 'is', null)
      .where('revoked_at', 'is', null)
      .execute()
    expect(orphans).toEqual([])
  })

  // One connection to SQLite does one transaction after the other.
  const onPostgres = engine.name === 'postgres' ? it : () => {}
  onPostgres('ends with a session that ends while it is being entered', async () => {
    const own = await authority.logIn(email)
    const store = await authority.database()
    const waiting = (count: number) =>
      vi.waitFor(async () => {
        const found = await sql`select 1 from pg_stat_activity
          where wait_event_type = 'Lock' and datname = current_database()`.execute(store)
        expect(found.rows).toHaveLength(count)
      }, 10_000)
    const [entered, ended] = await store.transaction().execute(async (transaction) => {
      // What is to be recorded waits: everything before it has been done, and is not committed.
      await transaction
        .updateTable('audit_log')
        .set((eb) => ({ size: eb.ref('size') }))
        .execute()
      const entering = ask(own)
      await waiting(1)
      const ending = authority.ask('POST', routes.logout, undefined, own)
      await waiting(2)
      return [entering, ending].map((answer) => () => answer) as [() => typeof entering, () => typeof ending]
    })
    expect((await ended()).status).toBeLessThan(300)
    const { status: answered, body } = await entered()
    expect(answered).toBe(201)
    await expect(connectMqtt(authority, body)).rejects.toMatchObject(refusedConnect)
    expect(await rowsOf()).toContainEqual(expect.objectContaining({ sender: body.sender, endedAt: shared.clock.now() }))
  })

  it('is revoked, with new epochs, when an administrator removes it after its end', async () => {
    const sender = await enter()
    const witness = await authority.addSender(await authority.logIn(email))
    const newest = async () => (await authority.keyring(witness.token)).channels.map(({ keys }) => keys[0]!.epoch)
    await authority.ask('DELETE', at(routes.sender, sender.sender), undefined, sender.token)
    const before = await newest()
    expect((await authority.askAdmin('DELETE', at(routes.sender, sender.sender))).status).toBe(204)
    expect((await rowsOf()).find((row) => row.sender === sender.sender)).toMatchObject({
      revokedAt: expect.any(Number),
    })
    const after = await newest()
    expect(after).toHaveLength(before.length)
    for (const [index, epoch] of after.entries()) expect(epoch).toBeGreaterThan(before[index]!)
    expect((await authority.askAdmin('DELETE', at(routes.sender, sender.sender))).status).toBe(404)
  })

  it('is entered at most a hundred times an hour by one member, however many sessions it has', async () => {
    for (let count = 0; count < 100; count++) await enter(count % 2 ? session : undefined)
    expect(await ask(await authority.logIn(email))).toMatchObject({ status: 429, body: { code: 'too-many-tries' } })
    expect((await ask(await authority.logIn(await shared.newMember('viewer')))).status).toBe(201)
    shared.clock.move(hour)
    await shared.refreshAdministrator()
    expect((await ask(session)).status).toBe(201)
  })
})
