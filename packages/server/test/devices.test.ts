import { toBase64url } from '@sealmq/protocol'
import { type DeviceInfo, type DevicePage, type DeviceTicket, routes, type SenderCreated } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { beforeEach, describe, expect, it } from 'vitest'
import { recordsWhile } from './audit-records.ts'
import { onEachEngine } from './engines.ts'
import { accepts, closed, connectMqtt } from './mqtt-connection.ts'
import { readKeyring } from './read-keyring.ts'
import { SharedAuthority } from './shared-authority.ts'
import { type Answer, at, password, type TestAuthority } from './test-authority.ts'
import { minute, second } from './test-clock.ts'

onEachEngine('devices', (engine) => {
  const shared = new SharedAuthority(engine)
  let authority: TestAuthority
  beforeEach(() => {
    authority = shared.authority
  })

  let devices = 0
  const newName = () => `device-${++devices}`
  const create = async (name = newName(), roles = ['sensor']) =>
    (await authority.askAdmin<DeviceTicket>('POST', routes.devices, { name, roles })).body
  const show = async (name: string) => (await authority.askAdmin<DeviceInfo>('GET', at(routes.device, name))).body
  const enrolRequest = async ({ name, code }: { name: string; code: string }) => {
    const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
    return { name, code, algorithm: 'ES256', publicKey: toBase64url(publicKey), version: '1.2.3' }
  }
  const enrol = async (ticket: { name: string; code: string }, from = '192.0.2.1'): Promise<Answer<SenderCreated>> =>
    authority.ask('POST', routes.enrol, await enrolRequest(ticket), undefined, { 'x-forwarded-for': from })
  const enrolled = async (roles = ['sensor']) => {
    const ticket = await create(newName(), roles)
    const { body: sender } = await enrol(ticket)
    return { name: ticket.name, id: ticket.id, sender }
  }

  describe('enrol by a ticket', () => {
    it('once, and publish under their own name', async () => {
      const { name, sender } = await enrolled()
      const { directory, channels } = await readKeyring(authority, sender.token)
      expect(directory.senders.find((one) => one.sender === sender.sender)).toMatchObject({
        memberName: name,
        senderName: name,
      })
      expect([...channels.keys()]).toContain('sensor')
      const client = await connectMqtt(authority, sender)
      expect(await accepts(client, 'iot/sensor', false, 'x')).toBe(true)
      expect(await accepts(client, 'iot/admin', false, 'x')).toBe(false)
      await client.endAsync(true)
    })

    it('of which one in fifty at the same time succeeds', async () => {
      const ticket = await create()
      const answers = await Promise.all(Array.from({ length: 50 }, () => enrol(ticket)))
      expect(answers.filter(({ status }) => status === 201)).toHaveLength(1)
      expect(new Set(answers.filter(({ status }) => status !== 201).map(({ body }) => JSON.stringify(body))).size).toBe(
        1,
      )
      expect((await show(ticket.name)).senders).toHaveLength(1)
    })

    it('for ten minutes', async () => {
      const [early, late] = [await create(), await create()]
      expect(early.expiresAt).toBe(authority.now() + 10 * minute)
      expect((await show(early.name)).ticketExpiresAt).toBe(early.expiresAt)
      shared.clock.move(10 * minute - second)
      expect(await enrol(early)).toMatchObject({ status: 201 })
      shared.clock.move(second)
      expect(await enrol(late)).toMatchObject({ status: 401, body: { code: 'wrong-code' } })
      await shared.refreshAdministrator()
      expect((await show(late.name)).ticketExpiresAt).toBeNull()
    })

    it('which is refused alike when used, expired, replaced, guessed, of another or of nobody', async () => {
      const [used, expired] = [await create(), await create()]
      await enrol(used)
      shared.clock.move(11 * minute)
      await shared.refreshAdministrator()
      const replaced = await create()
      await authority.askAdmin('POST', at(routes.deviceTicket, replaced.name))
      const [one, other] = [await create(), await create()]
      const invited = (await shared.newMember('sensor')).toLowerCase()
      const answers = await Promise.all(
        [
          used,
          expired,
          replaced,
          { name: one.name, code: 'AAAAA-AAAAA-AAAAA-AAAAA' },
          { name: one.name, code: other.code },
          { name: 'nobody', code: one.code },
          { name: invited.split('@')[0]!, code: one.code },
        ].map((ticket) => enrol(ticket)),
      )
      for (const { status } of answers) expect(status).toBe(401)
      expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1)
      expect(await enrol(one)).toMatchObject({ status: 201 })
      expect(await enrol(other)).toMatchObject({ status: 201 })
    })

    it('which a key that is none does not cost', async () => {
      const ticket = await create()
      const request = { ...(await enrolRequest(ticket)), publicKey: 'AAAA' }
      expect(await authority.ask('POST', routes.enrol, request)).toMatchObject({ body: { code: 'bad-key' } })
      expect(await enrol(ticket)).toMatchObject({ status: 201 })
    })

    it('which no other code takes the place of, nor the other way round', async () => {
      const { name, code } = await create()
      expect(await authority.ask('POST', routes.passwordReset, { email: name, code, password })).toMatchObject({
        body: { code: 'wrong-code' },
      })
      const email = shared.newName()
      const invited = await authority.askAdmin<{ code: string }>('POST', routes.membersInvite, {
        email,
        name: email,
        roles: ['sensor'],
      })
      expect(await enrol({ name: email, code: invited.body.code })).toMatchObject({ status: 401 })
    })

    it('anew: what was entered before ends, with new epochs', async () => {
      const { name, sender: first } = await enrolled()
      const before = (await readKeyring(authority, first.token)).channels.get('sensor')!.epochs[0]!.epoch
      const client = await connectMqtt(authority, first)
      const gone = closed(client)
      const { body: ticket } = await authority.askAdmin<DeviceTicket>('POST', at(routes.deviceTicket, name))
      expect(await authority.ask('GET', routes.keyring, undefined, first.token)).toMatchObject({ status: 200 })
      const { body: second } = await enrol(ticket)
      await gone
      await client.endAsync(true)
      expect(await authority.ask('GET', routes.keyring, undefined, first.token)).toMatchObject({ status: 401 })
      const { channels, directory } = await readKeyring(authority, second.token)
      expect(channels.get('sensor')!.epochs[0]!.epoch).toBeGreaterThan(before)
      expect(directory.senders.find(({ sender }) => sender === first.sender)?.revokedAt).toBe(authority.now())
      expect((await show(name)).senders.map(({ sender }) => sender)).toEqual([second.sender])
    })
  })

  describe('that are disabled', () => {
    it('are out at once and cannot enrol, also with a ticket of before', async () => {
      const { name, id, sender } = await enrolled()
      const { body: ticket } = await authority.askAdmin<DeviceTicket>('POST', at(routes.deviceTicket, name))
      const client = await connectMqtt(authority, sender)
      const gone = closed(client)
      expect(await authority.askAdmin('POST', at(routes.memberLock, id))).toMatchObject({ status: 200 })
      await gone
      await client.endAsync(true)
      expect(await show(name)).toMatchObject({ state: 'disabled', ticketExpiresAt: null })
      expect(await authority.ask('GET', routes.keyring, undefined, sender.token)).toMatchObject({ status: 401 })
      expect(await enrol(ticket)).toMatchObject({ status: 401, body: { code: 'wrong-code' } })
      expect(await authority.askAdmin('POST', at(routes.deviceTicket, name))).toMatchObject({
        status: 409,
        body: { code: 'conflict' },
      })
      expect(await authority.askAdmin('POST', at(routes.memberUnlock, id))).toMatchObject({ status: 200 })
      expect(await enrol(ticket)).toMatchObject({ status: 401 })
      expect(await show(name)).toMatchObject({ state: 'enrolled' })
      expect(await authority.ask('GET', routes.keyring, undefined, sender.token)).toMatchObject({ status: 200 })
    })

    it('or removed leave nothing', async () => {
      const { name, id, sender } = await enrolled()
      const { body: ticket } = await authority.askAdmin<DeviceTicket>('POST', at(routes.deviceTicket, name))
      expect(await authority.askAdmin('DELETE', at(routes.member, id))).toMatchObject({ status: 204 })
      expect(await authority.askAdmin('GET', at(routes.device, name))).toMatchObject({ status: 404 })
      expect(await enrol(ticket)).toMatchObject({ status: 401 })
      expect(await authority.ask('GET', routes.keyring, undefined, sender.token)).toMatchObject({ status: 401 })
      expect(await enrol(await create(name))).toMatchObject({ status: 201 })
    })
  })

  it('sign in by nothing, and are no people', async () => {
    const { name, id, sender } = await enrolled()
    for (const guess of ['', ' ', name, sender.token, sender.broker.password]) {
      const { status } = await authority.ask('POST', routes.login, { email: name, password: guess })
      expect([400, 401]).toContain(status)
    }
    const mails = async () => (await authority.database()).selectFrom('one_time_codes').selectAll().execute()
    const codes = await mails()
    for (const route of [routes.passwordForgot, routes.verifySend]) {
      expect(await authority.ask('POST', route, { email: name })).toMatchObject({ status: 202 })
    }
    expect(await mails()).toEqual(codes)
    for (const [path, body] of [
      [routes.passwordReset, { email: name, code: '000000', password }],
      [routes.verify, { email: name, code: '000000' }],
    ] as const) {
      expect(await authority.ask('POST', path, body)).toMatchObject({ status: 401 })
    }
    // Its token opens none of what people do.
    for (const [method, path, body] of [
      ['GET', routes.factors],
      ['POST', routes.totp],
      ['POST', routes.stepUp, { password }],
      ['POST', routes.stepUpSend],
      ['POST', routes.password, { password, newPassword: password }],
      ['POST', routes.accountEmail, { email: 'x@plant.example', password }],
      ['POST', routes.accountDelete, { password }],
      ['GET', routes.sessions],
      ['GET', routes.devices],
      ['POST', routes.senders, { name: 'x', algorithm: 'ES256', publicKey: 'AAAA' }],
    ] as const) {
      expect(await authority.ask(method, path, body, sender.token), path).toMatchObject({ status: 401 })
    }
    // An administrator makes it none either.
    const isDevice = { status: 409, body: { code: 'is-device' } }
    for (const [method, path, body] of [
      ['GET', routes.member],
      ['PATCH', routes.member, { password }],
      ['PATCH', routes.member, { name: 'somebody' }],
      ['POST', routes.memberCode],
      ['POST', routes.memberResetFactor],
      ['DELETE', routes.memberSessions],
    ] as const) {
      expect(await authority.askAdmin(method, at(path, id), body), `${method} ${path}`).toMatchObject(isDevice)
    }
    for (const route of [routes.memberApprove, routes.memberReject]) {
      expect(await authority.askAdmin('POST', at(route, id), {})).toMatchObject({ status: 409 })
    }
    const { body: members } = await authority.askAdmin<{ id: string }[]>('GET', routes.members)
    expect(members.map((member) => member.id)).not.toContain(id)
    expect(await authority.askAdmin('GET', at(routes.device, 'ada@plant.example'))).toMatchObject({ status: 404 })
    const store = await authority.database()
    expect(await store.selectFrom('members').select('password').where('id', '=', id).execute()).toEqual([
      { password: '' },
    ])
  })

  it('share names with nobody', async () => {
    const { name } = await enrolled()
    const taken = { status: 409, body: { code: 'name-taken' } }
    expect(
      await authority.askAdmin('POST', routes.devices, { name: name.toUpperCase(), roles: ['sensor'] }),
    ).toMatchObject(taken)
    const person = { email: name, name: 'x', roles: [] }
    expect(await authority.askAdmin('POST', routes.membersInvite, person)).toMatchObject(taken)
    expect(await authority.askAdmin('POST', routes.members, { ...person, password })).toMatchObject(taken)
    const users = { [name]: { password: 'x', role: 'sensor' } }
    expect(await authority.askAdmin('POST', routes.membersImport, { users })).toMatchObject({
      body: [{ outcome: 'refused' }],
    })
    expect(await authority.ask('POST', routes.signUp, { ...person, password, role: 'sensor' })).toMatchObject({
      status: 400,
    })
    const user = shared.newName()
    await authority.askAdmin('POST', routes.membersInvite, { email: user, name: user, roles: [] })
    expect(await authority.askAdmin('POST', routes.devices, { name: user, roles: ['sensor'] })).toMatchObject(taken)
    for (const bad of ['a/b', 'a b', '+', '#', '', '$x', '.x', 'x@y', 'x'.repeat(65)]) {
      expect(await authority.askAdmin('POST', routes.devices, { name: bad, roles: ['sensor'] })).toMatchObject({
        status: 400,
      })
    }
  })

  it('never have a role of people, whichever way it comes', async () => {
    const refused = { status: 409, body: { code: 'role-for-people' } }
    const role = (name: string, more: object = {}) =>
      authority.askAdmin('POST', routes.roles, { name, grants: [], ...more })
    await role('reads-log', { auditor: true })
    await role('with-app', { requireAuthenticator: true })
    const { name, id } = await enrolled()
    for (const roles of [['admin'], ['reads-log'], ['sensor', 'with-app']]) {
      expect(await authority.askAdmin('POST', routes.devices, { name: newName(), roles })).toMatchObject(refused)
      expect(await authority.askAdmin('PATCH', at(routes.member, id), { roles })).toMatchObject(refused)
    }
    expect((await show(name)).roles).toEqual(['sensor'])
    await role('plain')
    expect(await authority.askAdmin('PATCH', at(routes.member, id), { roles: ['plain'] })).toMatchObject({
      status: 200,
    })
    for (const change of [{ auditor: true }, { requireAuthenticator: true }]) {
      expect(await authority.askAdmin('PATCH', at(routes.role, 'plain'), change)).toMatchObject(refused)
    }
    expect(await authority.askAdmin('PATCH', at(routes.member, id), { roles: [] })).toMatchObject({ status: 200 })
    expect(await authority.askAdmin('PATCH', at(routes.role, 'plain'), { auditor: true })).toMatchObject({
      status: 200,
    })
    expect(await authority.askAdmin('POST', routes.devices, { name: newName(), roles: [] })).toMatchObject({
      status: 400,
    })
  })

  it('tell when, from where and with which version they asked, kept once a minute at most', async () => {
    const { name, sender } = await enrolled()
    const ask = (address: string, version: string, agent = `sealmq/${version} on pump`) =>
      authority.ask('GET', routes.keyring, undefined, sender.token, {
        'x-forwarded-for': address,
        'user-agent': agent,
      })
    const seen = async () => (await show(name)).senders[0]!
    expect(await seen()).toMatchObject({ lastSeenAt: null, address: null, version: '1.2.3' })
    const first = authority.now()
    await Promise.all(Array.from({ length: 5 }, () => ask('192.0.2.7', '1.3.0')))
    expect(await seen()).toMatchObject({ lastSeenAt: first, address: '192.0.2.7', version: '1.3.0' })
    shared.clock.move(minute - 1)
    await ask('192.0.2.8', '1.4.0')
    expect(await seen()).toMatchObject({ lastSeenAt: first, address: '192.0.2.7', version: '1.3.0' })
    shared.clock.move(1)
    await ask('192.0.2.8', '1.4.0')
    expect(await seen()).toMatchObject({ lastSeenAt: first + minute, address: '192.0.2.8', version: '1.4.0' })
    shared.clock.move(-2 * minute)
    await ask('192.0.2.9', '', 'another program')
    expect(await seen()).toMatchObject({ lastSeenAt: first - minute, address: '192.0.2.9', version: '1.4.0' })
    shared.clock.move(2 * minute)
  })

  it('lag behind by the channels whose epoch they have not fetched', async () => {
    const waiting = await create()
    expect((await show(waiting.name)).epochLag).toBeNull()
    const { name, sender } = await enrolled()
    const held = (await authority.keyring(sender.token)).channels.length
    expect((await show(name)).epochLag).toBe(0)
    await authority.askAdmin('POST', at(routes.rotate, 'sensor'))
    expect((await show(name)).epochLag).toBe(1)
    // Of a channel that it has no part in nothing is due.
    await authority.askAdmin('POST', at(routes.rotate, 'admin'))
    expect((await show(name)).epochLag).toBe(1)
    await authority.keyring(sender.token)
    expect((await show(name)).epochLag).toBe(0)
    await authority.askAdmin('PATCH', at(routes.member, name), { roles: ['sensor', 'viewer'] })
    expect((await show(name)).epochLag).toBe(1)
    expect((await authority.keyring(sender.token)).channels).toHaveLength(held + 1)
  })

  it('are recorded: made, ticket handed over and used, sender entered and ended', async () => {
    const name = newName()
    const records = await recordsWhile(authority, async () => {
      await enrol(await create(name), '192.0.2.99')
      const { body: ticket } = await authority.askAdmin<DeviceTicket>('POST', at(routes.deviceTicket, name))
      await enrol(ticket, '192.0.2.99')
      // From an address that had no refusals yet: of many in one minute the rest is counted only.
      await enrol(ticket, '192.0.2.99')
    })
    const { id } = await show(name)
    const device = { kind: 'member', id, name }
    const handed = { action: 'code.send', on: device, actor: { name: 'ada@plant.example' } }
    const [first, second] = await senders(id)
    const of = (sender: number | undefined) => ({ kind: 'sender', id: String(sender), name })
    const own = { kind: 'member', member: id, name, roles: ['sensor'] }
    // What earlier tests were refused too often is told when its minute is over.
    const others = ['epoch.start', 'request.refuse']
    expect(records.filter(({ action }) => !others.includes(action))).toMatchObject([
      { action: 'device.create', on: device, detail: { roles: ['sensor'] }, actor: { name: 'ada@plant.example' } },
      { ...handed, detail: { purpose: 'ticket', way: 'handed over' } },
      { action: 'code.use', on: device, detail: { purpose: 'ticket' }, actor: own, address: '192.0.2.99' },
      { action: 'sender.add', on: of(first), actor: own },
      handed,
      { action: 'code.use', on: device, actor: own },
      { action: 'sender.remove', on: of(first), detail: { member: id }, actor: own },
      { action: 'sender.add', on: of(second), actor: own },
      { action: 'code.use', result: 'refused', code: 'wrong-code', actor: { kind: 'stranger' } },
    ])
    expect(JSON.stringify(records)).not.toMatch(/[2-9A-HJ-NP-Z]{5}-[2-9A-HJ-NP-Z]{5}/)
  })

  const senders = async (member: string) => {
    const store = await authority.database()
    const rows = await store.selectFrom('senders').select('sender').where('member_id', '=', member).execute()
    return rows.map(({ sender }) => sender).sort((a, b) => a - b)
  }

  it('are made many at once, or none', async () => {
    const [one, other] = [newName(), newName()]
    const send = (devices: object[]) => authority.askAdmin<DeviceTicket[]>('POST', routes.devicesImport, { devices })
    const { id: taken } = await create()
    const { name } = await show(taken)
    const good = { name: one, roles: ['sensor', 'viewer'], line: 2 }
    for (const [bad, code, text] of [
      [{ name, roles: ['sensor'], line: 3 }, 'name-taken', `line 3: There is a member ${name} already.`],
      [{ name: one.toUpperCase(), roles: ['sensor'], line: 3 }, 'name-taken', `line 3: ${one} is there twice.`],
      [{ name: other, roles: ['none'], line: 3 }, 'not-found', 'line 3: There is no role none.'],
      [{ name: other, roles: ['admin'], line: 3 }, 'role-for-people', 'line 3: The role admin is for people'],
    ] as const) {
      expect(await send([good, bad])).toMatchObject({ body: { code, message: expect.stringContaining(text) } })
      expect(await authority.askAdmin('GET', at(routes.device, one))).toMatchObject({ status: 404 })
    }
    const { body: tickets } = await send([good, { name: other, roles: ['sensor'] }])
    expect(tickets.map((ticket) => ticket.name)).toEqual([one, other])
    expect((await show(one)).roles).toEqual(['sensor', 'viewer'])
    for (const ticket of tickets) expect(await enrol(ticket)).toMatchObject({ status: 201 })
  })
})

onEachEngine('guessed tickets', (engine) => {
  const shared = new SharedAuthority(engine, { identity: { addressTries: 5 } })

  it('are counted by the address that they come from, and cost nobody else', async () => {
    const { authority } = shared
    const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
    const { body: ticket } = await authority.askAdmin<DeviceTicket>('POST', routes.devices, {
      name: 'pump',
      roles: ['sensor'],
    })
    const request = { algorithm: 'ES256', publicKey: toBase64url(publicKey) }
    const tryFrom = (address: string, name: string, code: string) =>
      authority.ask('POST', routes.enrol, { ...request, name, code }, undefined, { 'x-forwarded-for': address })
    for (const name of ['pump', 'nobody', 'pump', 'else', 'pump']) {
      expect(await tryFrom('192.0.2.1', name, 'A'.repeat(20))).toMatchObject({ status: 401 })
    }
    expect(await tryFrom('192.0.2.1', 'pump', ticket.code)).toMatchObject({
      status: 429,
      body: { code: 'too-many-tries', retryAfter: 300 },
    })
    expect(await tryFrom('192.0.2.2', 'pump', ticket.code)).toMatchObject({ status: 201 })
  })
})

onEachEngine('ten thousand devices', (engine) => {
  const shared = new SharedAuthority(engine)

  it('are imported, listed by pages and searched', { timeout: 120_000 }, async () => {
    const { authority } = shared
    const names = Array.from(
      { length: 10_000 },
      (_, index) => `line-${index % 10}-pump-${String(index).padStart(5, '0')}`,
    )
    const devices = names.map((name, index) => ({ name, roles: ['sensor'], line: index + 2 }))
    const times: Record<string, number> = {}
    const timed = async <T>(what: string, work: () => Promise<Answer<T>>) => {
      const from = performance.now()
      const { body } = await work()
      times[what] = Math.round(performance.now() - from)
      return body
    }
    const tickets = await timed('import', () =>
      authority.askAdmin<DeviceTicket[]>('POST', routes.devicesImport, { devices }),
    )
    expect(new Set(tickets.map(({ code }) => code)).size).toBe(10_000)
    const page = (query: string) => authority.askAdmin<DevicePage>('GET', `${routes.devices}?${query}`)
    const first = await timed('page', () => page(''))
    expect(first).toMatchObject({ total: 10_000, devices: { length: 100 } })
    const found: string[] = []
    for (let after = ''; ; ) {
      const { devices: some, next } = await timed('page of 1000', () => page(`limit=1000${after && `&after=${after}`}`))
      found.push(...some.map(({ name }) => name))
      if (next === null) break
      after = next
    }
    expect(found).toEqual([...names].sort())
    expect(await timed('search', () => page('search=E-3-PUMP-0012'))).toMatchObject({
      total: 1,
      next: null,
      devices: [{ name: 'line-3-pump-00123', state: 'waiting', roles: ['sensor'], epochLag: null }],
    })
    expect(await page('search=line-7&limit=10')).toMatchObject({ body: { total: 1000, devices: { length: 10 } } })
    for (const none of ['%25', '_', '!', '%5C']) {
      expect(await page(`search=${none}`), none).toMatchObject({ body: { total: 0 } })
    }
    const one = await timed('enrol', async () => {
      const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
      const { name, code } = tickets[5000]!
      const request = { name, code, algorithm: 'ES256', publicKey: toBase64url(publicKey) }
      return authority.ask<SenderCreated>('POST', routes.enrol, request)
    })
    expect(await timed('keyring', () => authority.ask('GET', routes.keyring, undefined, one.token))).toMatchObject({
      sender: one.sender,
    })
    console.info(`${engine.name}: ms ${JSON.stringify(times)}`)
    for (const what of ['page', 'search']) expect(times[what], what).toBeLessThan(1000)
    expect(times.import).toBeLessThan(30_000)
  })
})
