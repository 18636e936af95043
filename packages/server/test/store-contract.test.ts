import { type ChannelInfo, type MemberInfo, type RoleInfo, routes, type SenderInfo } from '@sealmq/protocol/api'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { PostgresCluster } from './postgres-cluster.ts'
import { readKeyring } from './read-keyring.ts'
import { password, TestAuthority } from './test-authority.ts'

const at = (route: string, id: string | number) => route.replace(':id', encodeURIComponent(id))
const times = <T>(count: number, work: (index: number) => Promise<T>) =>
  Promise.all(Array.from({ length: count }, (_, index) => work(index)))
const statuses = (answers: { status: number }[]) => answers.map(({ status }) => status).sort((a, b) => a - b)

describe.each(['sqlite', 'postgres'] as const)('the authority on %s', (engine) => {
  let cluster: PostgresCluster | null = null
  let authority: TestAuthority
  const newStore = async () => (cluster ? cluster.createDatabase() : null)

  beforeAll(async () => {
    if (engine === 'postgres') cluster = await PostgresCluster.start()
  })
  afterAll(() => cluster?.stop())
  beforeEach(async () => {
    authority = await TestAuthority.withAdministrator({ store: await newStore() })
  })
  afterEach(() => authority.close())

  it('gives the setup code to one of ten who come at once, and to nobody afterwards', async () => {
    const fresh = await TestAuthority.start({ store: await newStore() })
    const request = (index: number) => ({ ...fresh.setup(), email: `a${index}@plant.example` })
    const wrong = await fresh.ask('POST', routes.setup, { ...fresh.setup('AAAAA-AAAAA-AAAAA-AAAAA') })
    expect(wrong).toMatchObject({ status: 401, body: { code: 'wrong-setup-code' } })
    const answers = await times(10, (index) => fresh.ask('POST', routes.setup, request(index)))
    expect(statuses(answers)).toEqual([201, ...Array(9).fill(409)])
    expect(await fresh.ask('POST', routes.setup, request(11))).toMatchObject({
      status: 409,
      body: { code: 'setup-done' },
    })
    await fresh.restart()
    expect(fresh.running.setupCode).toBeNull()
    await fresh.close()
  })

  it('starts with the four channels and roles of the original', async () => {
    const { body: channels } = await authority.askAdmin<ChannelInfo[]>('GET', routes.channels)
    expect(channels.map(({ name, filters, kind }) => [name, filters, kind])).toEqual([
      ['admin', ['iot/admin'], 'telemetry'],
      ['control', ['iot/control'], 'command'],
      ['login', ['iot/login'], 'telemetry'],
      ['sensor', ['iot/sensor'], 'telemetry'],
    ])
    const { body: roles } = await authority.askAdmin<RoleInfo[]>('GET', routes.roles)
    const grants = (role: string) =>
      roles.find(({ name }) => name === role)?.grants.map(({ channel, right }) => `${right} ${channel}`)
    expect(grants('admin')).toEqual([
      'publish admin',
      'publish control',
      'subscribe control',
      'publish login',
      'subscribe login',
      'publish sensor',
      'subscribe sensor',
    ])
    expect(grants('sensor')).toEqual(['publish control', 'publish sensor', 'subscribe sensor'])
    expect(grants('controller')).toEqual(['subscribe control'])
    expect(grants('viewer')).toEqual(['subscribe login'])
  })

  it('locks an account after three wrong passwords, however many come at once, and tells nobody that it exists', async () => {
    await authority.createMember('bea', 'viewer')
    const guess = (email: string, secret: string) =>
      authority.ask<{ message: string }>('POST', routes.login, { email, password: secret })
    const unknown = await guess('nobody@plant.example', password)
    const answers = await times(20, () => guess('bea@plant.example', 'wrong password here'))
    expect(statuses(answers)).toEqual(Array(20).fill(401))
    const locked = await guess('bea@plant.example', password)
    expect(locked.status).toBe(401)
    expect(locked.body).toEqual(unknown.body)
    expect(await guess(' ADA@Plant.Example ', password)).toMatchObject({ status: 200 })
  })

  it('locks after the third wrong password in a row, not after two and a right one', async () => {
    await authority.createMember('bea', 'viewer')
    const guess = (secret: string) =>
      authority.ask('POST', routes.login, { email: 'bea@plant.example', password: secret })
    for (let round = 0; round < 2; round++) {
      await guess('wrong password here')
      await guess('wrong password here')
      expect(await guess(password)).toMatchObject({ status: 200 })
    }
    for (let tries = 0; tries < 3; tries++) await guess('wrong password here')
    expect(await guess(password)).toMatchObject({ status: 401 })
  })

  it('creates, changes and removes members; of equal addresses that come at once one is taken', async () => {
    const request = { email: 'Bea@plant.example', name: 'Bea', password, roles: ['viewer'] }
    const answers = await times(8, () => authority.askAdmin('POST', routes.members, request))
    expect(statuses(answers)).toEqual([201, ...Array(7).fill(409)])
    const { body } = await authority.askAdmin<MemberInfo>('PATCH', at(routes.member, 'bea@plant.example'), {
      name: 'Beatrice',
      roles: ['sensor', 'viewer'],
    })
    expect(body).toMatchObject({ email: 'bea@plant.example', name: 'Beatrice', roles: ['sensor', 'viewer'] })
    expect(await authority.askAdmin('DELETE', at(routes.member, body.id))).toMatchObject({ status: 204 })
    expect(await authority.askAdmin('GET', at(routes.member, body.id))).toMatchObject({ status: 404 })
    const weak = await authority.askAdmin('POST', routes.members, { ...request, password: 'short' })
    expect(weak).toMatchObject({ status: 400, body: { code: 'weak-password' } })
    const noRole = await authority.askAdmin('POST', routes.members, { ...request, roles: ['captain'] })
    expect(noRole).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect((await authority.askAdmin<MemberInfo[]>('GET', routes.members)).body).toHaveLength(1)
  })

  it('keeps one administrator, also when two of them remove each other at once', async () => {
    const refused = await authority.askAdmin('DELETE', at(routes.member, 'ada@plant.example'))
    expect(refused).toMatchObject({ status: 409, body: { code: 'last-administrator' } })
    const demoted = await authority.askAdmin('PATCH', at(routes.member, 'ada@plant.example'), { roles: [] })
    expect(demoted).toMatchObject({ status: 409, body: { code: 'last-administrator' } })
    await authority.createMember('bea', 'admin')
    const bea = await authority.logIn('bea@plant.example')
    const answers = await Promise.all([
      authority.askAdmin('DELETE', at(routes.member, 'bea@plant.example')),
      authority.ask('DELETE', at(routes.member, 'ada@plant.example'), undefined, bea),
    ])
    expect(statuses(answers)).toContain(204)
    expect(statuses(answers)).not.toEqual([204, 204])
  })

  it('keeps topics in one channel only', async () => {
    const create = (name: string, ...filters: string[]) =>
      authority.askAdmin('POST', routes.channels, { name, filters })
    expect(await create('line-1', 'plant/+/temperature')).toMatchObject({ status: 201 })
    expect(await create('line-2', 'plant/1/#')).toMatchObject({ status: 409, body: { code: 'channel-overlap' } })
    expect(await create('line-2', 'a/#', 'a/b')).toMatchObject({ status: 409, body: { code: 'channel-overlap' } })
    for (const filter of ['a/#/b', 'a+', '$SYS/#', '$share/g/x', 'a\u0000b']) {
      expect(await create('line-2', filter), filter).toMatchObject({ status: 400 })
    }
    const answers = await times(6, (index) => create(`wide-${index}`, 'wide/#'))
    expect(statuses(answers)).toEqual([201, ...Array(5).fill(409)])
    expect((await authority.askAdmin<ChannelInfo[]>('GET', routes.channels)).body).toHaveLength(6)
  })

  it('changes a channel: only what seals otherwise starts an epoch; changes that come at once all last', async () => {
    const { body: before } = await authority.askAdmin<ChannelInfo>('GET', at(routes.channel, 'sensor'))
    const patch = (change: object) => authority.askAdmin<ChannelInfo>('PATCH', at(routes.channel, 'sensor'), change)
    await Promise.all([patch({ maximumAge: 60 }), patch({ lease: 600 }), patch({ late: 'refuse' })])
    const { body: renamed } = await patch({ name: 'readings' })
    expect(renamed).toEqual({ ...before, name: 'readings', maximumAge: 60, lease: 600, late: 'refuse' })
    const { body: other } = await authority.askAdmin<ChannelInfo>('PATCH', at(routes.channel, 'readings'), {
      suite: 'ChaCha20/Poly1305',
      filters: ['iot/sensor', 'iot/sensors/#'],
    })
    expect(other).toMatchObject({ suite: 'ChaCha20/Poly1305', filters: ['iot/sensor', 'iot/sensors/#'] })
    expect(other.epoch).toBeGreaterThan(before.epoch)
    const unsigned = await authority.askAdmin('PATCH', at(routes.channel, 'control'), { signing: 'off' })
    expect(unsigned).toMatchObject({ status: 400 })
  })

  it('removes a role only when no member has it, and a channel with its grants and keys', async () => {
    await authority.createMember('bea', 'viewer')
    expect(await authority.askAdmin('DELETE', at(routes.role, 'viewer'))).toMatchObject({
      status: 409,
      body: { code: 'role-in-use' },
    })
    expect(await authority.askAdmin('DELETE', at(routes.role, 'controller'))).toMatchObject({ status: 204 })
    expect(await authority.askAdmin('DELETE', at(routes.channel, 'login'))).toMatchObject({ status: 204 })
    const { body: viewer } = await authority.askAdmin<RoleInfo>('GET', at(routes.role, 'viewer'))
    expect(viewer.grants).toEqual([])
    const created = await authority.askAdmin<RoleInfo>('POST', routes.roles, {
      name: 'night shift',
      grants: [{ channel: 'sensor', right: 'subscribe' }],
    })
    expect(created).toMatchObject({ status: 201, body: { administrator: false, members: 0 } })
    expect(await authority.askAdmin('POST', routes.roles, { name: 'night shift', grants: [] })).toMatchObject({
      status: 409,
    })
  })

  it('lets a role monitor or have grants, and gives a monitor no key of any channel', async () => {
    const grants = [{ channel: 'sensor', right: 'subscribe' }]
    const refused = { status: 400, body: { code: 'bad-request', message: expect.stringContaining('monitor') } }
    const create = (role: object) => authority.askAdmin<RoleInfo>('POST', routes.roles, { name: 'watch', ...role })
    expect(await create({ monitor: true, grants })).toMatchObject(refused)
    expect(await create({ monitor: true, grants: [], administrator: true })).toMatchObject(refused)
    expect(await create({ monitor: true, grants: [], approveDomains: ['plant.example'] })).toMatchObject({
      status: 400,
    })
    expect(await create({ monitor: true, grants: [] })).toMatchObject({ status: 201, body: { monitor: true } })
    const change = (role: string, to: object) => authority.askAdmin('PATCH', at(routes.role, role), to)
    expect(await change('watch', { grants })).toMatchObject(refused)
    expect(await change('sensor', { monitor: true })).toMatchObject(refused)
    expect(await change('admin', { monitor: true, grants: [] })).toMatchObject(refused)
    expect(await change('watch', { monitor: false, grants })).toMatchObject({ status: 200, body: { monitor: false } })
    expect(await change('watch', { monitor: true, grants: [] })).toMatchObject({ status: 200, body: { monitor: true } })
    const { token } = await authority.createMember('watcher', 'watch')
    const sender = await authority.addSender(token)
    expect((await readKeyring(authority, sender.token)).channels.size).toBe(0)
  })

  it('gives each sender the keys of its roles: epoch keys to readers, its own sealing key to a publisher who may not read', async () => {
    const { token } = await authority.createMember('pump', 'sensor')
    const sender = await authority.addSender(token)
    const { channels, directory } = await readKeyring(authority, sender.token)
    expect([...channels.keys()]).toEqual(['control', 'sensor'])
    expect(channels.get('sensor')).toMatchObject({ publish: true, subscribe: true })
    expect(Object.keys(channels.get('sensor')!.keys[0]!)).toEqual(['epoch', 'epochKey'])
    expect(channels.get('control')).toMatchObject({ publish: true, subscribe: false })
    expect(Object.keys(channels.get('control')!.keys[0]!)).toEqual(['epoch', 'senderKey'])
    expect(directory.senders).toMatchObject([{ sender: sender.sender, memberName: 'pump', revokedAt: null }])
  })

  it('starts an epoch with every revocation, and numbers only grow', async () => {
    const admin = await authority.addSender(authority.admin)
    const pump = await authority.createMember('pump', 'sensor')
    const second = await authority.addSender(pump.token)
    let previous = await readKeyring(authority, admin.token)
    const revocations: [string, () => Promise<unknown>, string[]][] = [
      ['rotation', () => authority.askAdmin('POST', at(routes.rotate, 'sensor')), ['sensor']],
      ['sender', () => authority.askAdmin('DELETE', at(routes.sender, second.sender)), ['sensor', 'control']],
      [
        'grant',
        () =>
          authority.askAdmin('PATCH', at(routes.role, 'sensor'), {
            grants: [
              { channel: 'sensor', right: 'publish' },
              { channel: 'sensor', right: 'subscribe' },
            ],
          }),
        ['control'],
      ],
      ['role', () => authority.askAdmin('PATCH', at(routes.member, pump.id), { roles: ['viewer'] }), ['sensor']],
      ['member', () => authority.askAdmin('DELETE', at(routes.member, pump.id)), ['login']],
    ]
    for (const [what, revoke, rotated] of revocations) {
      await revoke()
      const next = await readKeyring(authority, admin.token)
      const changed = [...next.channels].filter(
        ([name, { epochs }]) => epochs[0]!.epoch > previous.channels.get(name)!.epochs[0]!.epoch,
      )
      expect(changed.map(([name]) => name).sort(), what).toEqual(rotated.sort())
      for (const [name, { number, epochs }] of changed) {
        expect(number, what).toBeGreaterThan(previous.channels.get(name)!.number)
        expect(epochs[1], what).toMatchObject({
          epoch: previous.channels.get(name)!.epochs[0]!.epoch,
          sealUntil: expect.any(Number),
        })
      }
      expect(next.keyring.revision).toBeGreaterThan(previous.keyring.revision)
      previous = next
    }
    expect(previous.directory.senders).toMatchObject([
      { revokedAt: null },
      { sender: second.sender, revokedAt: expect.any(Number), roles: [] },
    ])
  })

  it('lets nothing of a removed member work any more', async () => {
    const pump = await authority.createMember('pump', 'sensor')
    const sender = await authority.addSender(pump.token)
    expect(await authority.keyring(sender.token)).toMatchObject({ sender: sender.sender })
    await authority.askAdmin('DELETE', at(routes.member, pump.id))
    for (const [method, path, token] of [
      ['GET', routes.keyring, sender.token],
      ['GET', routes.changes, sender.token],
      ['GET', routes.me, sender.token],
      ['GET', routes.me, pump.token],
      ['GET', routes.senders, pump.token],
    ] as const) {
      expect(await authority.ask(method, path, undefined, token), path).toMatchObject({
        status: 401,
        body: { code: 'not-signed-in' },
      })
    }
    expect(await authority.ask('POST', routes.login, { email: pump.email, password })).toMatchObject({ status: 401 })
    const { body: senders } = await authority.askAdmin<SenderInfo[]>('GET', `${routes.senders}?all=true`)
    expect(senders).toMatchObject([{ sender: sender.sender, revokedAt: expect.any(Number) }])
  })

  it('gives a consistent keyring while everything changes: each manifest lists the epoch that its keys belong to', async () => {
    const { token } = await authority.addSender(authority.admin)
    let changing = true
    const change = (async () => {
      for (let round = 0; round < 12; round++) {
        await authority.askAdmin('POST', at(routes.rotate, 'sensor'))
        await authority.askAdmin('PATCH', at(routes.role, 'viewer'), {
          grants: round % 2 ? [] : [{ channel: 'login', right: 'subscribe' }],
        })
      }
      changing = false
    })()
    let last = 0
    while (changing) {
      const { keyring, channels } = await readKeyring(authority, token)
      for (const { epochs, keys } of channels.values()) {
        expect(keys.map(({ epoch }) => epoch)).toEqual(epochs.map(({ epoch }) => epoch))
        expect(epochs.filter(({ sealUntil }) => sealUntil === null)).toHaveLength(1)
      }
      expect(keyring.revision).toBeGreaterThanOrEqual(last)
      last = keyring.revision
    }
    await change
  })

  it('refuses the body of a request that is not as described, names what is wrong and repeats no value', async () => {
    for (const body of [
      {},
      { email: 'x@y.z', name: 1, password: 'SECRET-VALUE-1234', roles: [] },
      { email: 'x@y.z', name: 'esc\u001b[2J', password: 'SECRET-VALUE-1234', roles: [] },
    ]) {
      const answer = await authority.askAdmin<{ message: string }>('POST', routes.members, body)
      expect(answer).toMatchObject({ status: 400, body: { code: 'bad-request' } })
      expect(answer.body.message).not.toContain('SECRET')
    }
    for (const route of [routes.member, routes.role, routes.channel]) {
      expect(await authority.askAdmin('GET', at(route, 'a\u0000b')), route).toMatchObject({ status: 400 })
    }
    const large = await authority.askAdmin('POST', routes.members, { name: 'x'.repeat(100_000) })
    expect(large).toMatchObject({ status: 413, body: { code: 'too-large' } })
  })

  it('keeps all of it over a restart', async () => {
    const sender = await authority.addSender(authority.admin)
    await authority.askAdmin('POST', at(routes.rotate, 'sensor'))
    const before = await readKeyring(authority, sender.token)
    await authority.restart()
    const after = await readKeyring(authority, sender.token)
    expect(after.keyring).toMatchObject({ revision: before.keyring.revision, deployment: before.keyring.deployment })
    expect(after.keyring.channels.map(({ keys }) => keys)).toEqual(before.keyring.channels.map(({ keys }) => keys))
    expect(await authority.askAdmin('GET', routes.me)).toMatchObject({ status: 200 })
  })

  if (engine === 'postgres') {
    it('lives through a restart of PostgreSQL, and says meanwhile that it is not ready', async () => {
      await cluster!.pause()
      expect(await authority.ask('GET', '/readyz')).toMatchObject({ status: 503 })
      expect(await authority.ask('GET', '/healthz')).toMatchObject({ status: 200 })
      expect(await authority.askAdmin('GET', routes.members)).toMatchObject({ status: 500, body: { code: 'internal' } })
      await cluster!.resume()
      expect(await authority.ask('GET', '/readyz')).toMatchObject({ status: 200 })
      expect(await authority.askAdmin('GET', routes.members)).toMatchObject({ status: 200 })
    })

    it('lets one authority only work on a database', async () => {
      const { store } = authority.options
      await expect(TestAuthority.start({ store })).rejects.toMatchObject({ code: 'data-locked' })
    })
  }
})
