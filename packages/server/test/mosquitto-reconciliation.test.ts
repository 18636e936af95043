import { createServer, type Server } from 'node:net'
import { setTimeout } from 'node:timers/promises'
import { type BrokerCheck, type BrokerStatus, routes } from '@sealmq/protocol/api'
import mqtt from 'mqtt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { BrokerSetting } from '../src/index.ts'
import { MosquittoProcess } from './mosquitto-process.ts'
import { accepts, closed, connectMqtt, refusedConnect, subscribe } from './mqtt-connection.ts'
import { at, TestAuthority } from './test-authority.ts'

describe('a Mosquitto that the authority governs', () => {
  let mosquitto: MosquittoProcess
  const open: { close(): unknown }[] = []
  beforeEach(async () => {
    mosquitto = await MosquittoProcess.start()
  })
  afterEach(async () => {
    for (const { close } of open.splice(0).reverse()) await close()
    await mosquitto.end('SIGKILL')
  })

  async function start(setting: Partial<BrokerSetting> = {}): Promise<TestAuthority> {
    const authority = await TestAuthority.withAdministrator({ broker: mosquitto.setting(setting) })
    open.push({ close: () => authority.close() })
    return authority
  }
  const status = async (authority: TestAuthority) => (await authority.askAdmin<BrokerStatus>('GET', routes.broker)).body
  async function until(authority: TestAuthority, holds: (state: BrokerStatus) => boolean): Promise<BrokerStatus> {
    for (;;) {
      const state = await status(authority)
      if (holds(state)) return state
      await setTimeout(50)
    }
  }
  const inForce = ({ rights, waiting }: BrokerStatus) => rights === 'in-force' && waiting === 0
  const pumpOf = async (authority: TestAuthority, name = 'pump', ...roles: string[]) => {
    const member = await authority.createMember(name, ...(roles.length > 0 ? roles : ['sensor']))
    return { ...(await authority.addSender(member.token)), member }
  }
  const roleOf = async (authority: TestAuthority, name: string) => {
    const { body } = await authority.askAdmin<{ id: string }>('GET', at(routes.role, name))
    return `sealmq-${body.id}`
  }

  it('is mended at a start, whatever was edited there, and leaves what is of others', async () => {
    const authority = await start()
    const pump = await pumpOf(authority)
    const role = await roleOf(authority, 'sensor')
    await authority.running.close()
    const wide = { acltype: 'subscribePattern', topic: '#', allow: true, priority: 9 }
    const edits = await mosquitto.command(
      { command: 'addRoleACL', rolename: role, ...wide },
      { command: 'createRole', rolename: 'theirs', acls: [wide] },
      { command: 'createClient', username: 'plc', password: 'x', roles: [{ rolename: 'theirs' }, { rolename: role }] },
      { command: 'createClient', username: 'sender-77', password: 'x', roles: [{ rolename: 'theirs' }] },
      { command: 'addClientRole', username: pump.broker.username, rolename: 'theirs' },
      { command: 'addGroupClient', groupname: role, username: 'plc' },
      { command: 'disableClient', username: pump.broker.username },
      { command: 'setClientId', username: pump.broker.username, clientid: 'bound' },
      { command: 'setDefaultACLAccess', acls: [{ acltype: 'publishClientSend', allow: true }] },
    )
    expect(edits.filter(({ error }) => error)).toEqual([])
    await authority.startAgain()
    const state = await until(authority, inForce)
    expect(state.drift.join('\n')).toMatch(/publishClientSend[\s\S]*sender-77[\s\S]*plc[\s\S]*other ACLs/)
    const client = await connectMqtt(authority, pump, { clientId: 'any' })
    expect(await subscribe(client, '#', 'iot/login', 'iot/sensor')).toEqual([128, 128, 1])
    expect(await accepts(client, 'iot/login')).toBe(false)
    await client.endAsync(true)
    const plc = await mqtt.connectAsync(mosquitto.url, { username: 'plc', password: 'x', reconnectPeriod: 0 })
    expect(await subscribe(plc, 'elsewhere')).toEqual([1])
    await plc.endAsync(true)
    const usernames = (await mosquitto.saved()).clients.map(({ username }) => username)
    expect(usernames.sort()).toEqual(['plc', 'sealmq-authority', 'sealmq-observer', pump.broker.username])
  })

  it('is only reported about when that is asked for, and takes changes all the same', async () => {
    const authority = await start()
    const pump = await pumpOf(authority)
    await authority.running.close()
    await mosquitto.command({ command: 'createClient', username: 'sender-77', password: 'x' })
    authority.options.broker = mosquitto.setting({ reportOnly: true })
    await authority.startAgain()
    expect(await until(authority, ({ rights }) => rights !== 'unknown')).toMatchObject({
      rights: 'drifted',
      drift: ["The client sender-77 is nobody's."],
      drifted: 1,
    })
    await authority.askAdmin('DELETE', at(routes.member, pump.member.id))
    expect((await mosquitto.saved()).clients.map(({ username }) => username)).toContain('sender-77')
    expect((await mosquitto.saved()).clients.map(({ username }) => username)).not.toContain(pump.broker.username)
    await authority.refresh()
    expect(await authority.askAdmin('POST', routes.brokerReconcile)).toMatchObject({ body: { rights: 'in-force' } })
    expect((await mosquitto.saved()).clients.map(({ username }) => username)).not.toContain('sender-77')
  })

  it('takes away what is of others when the broker is the authority’s alone', async () => {
    await mosquitto.command(
      { command: 'createRole', rolename: 'theirs' },
      { command: 'createClient', username: 'plc', password: 'x', roles: [{ rolename: 'theirs' }] },
    )
    await start({ exclusive: true })
    while ((await mosquitto.saved()).clients.some(({ username }) => username === 'plc')) await setTimeout(50)
    while ((await mosquitto.saved()).roles.some(({ rolename }) => rolename === 'theirs')) await setTimeout(50)
    expect((await mosquitto.saved()).roles.map(({ rolename }) => rolename).sort()).toEqual([
      'administrator',
      'sealmq-observer',
    ])
  })

  it('is verified again after it came back, also empty, and while changes wait', async () => {
    const authority = await start()
    const pump = await pumpOf(authority)
    const valve = await pumpOf(authority, 'valve')
    await mosquitto.end('SIGKILL')
    const away = await until(authority, ({ connected }) => !connected)
    expect(away.rights).toBe('unknown')
    const begun = performance.now()
    expect(await authority.askAdmin('DELETE', at(routes.member, valve.member.id))).toMatchObject({ status: 204 })
    expect(performance.now() - begun).toBeLessThan(5000)
    expect((await status(authority)).waiting).toBeGreaterThan(0)
    expect((await fetch(`${authority.running.httpUrl}/readyz`)).status).toBe(200)
    expect(await (await fetch(`${authority.running.httpUrl}/metrics`)).text()).toContain('sealmq_broker_connected 0')
    mosquitto.forgetSecurity()
    await mosquitto.resume()
    await until(authority, inForce)
    expect((await connectMqtt(authority, pump)).connected).toBe(true)
    const revoked = mqtt.connectAsync(mosquitto.url, { ...valve.broker, reconnectPeriod: 0 })
    await expect(revoked).rejects.toMatchObject(refusedConnect)
  })

  it('keeps its rights over a SIGKILL that does not come while it writes them', async () => {
    const authority = await start()
    const pump = await pumpOf(authority)
    await mosquitto.end('SIGKILL')
    await mosquitto.resume()
    const state = await until(authority, ({ connected, rights }) => connected && rights === 'in-force')
    expect(state.drifted).toBe(0)
    expect((await connectMqtt(authority, pump)).connected).toBe(true)
  })

  it('is brought to the end of a change in the middle of which the broker died', async () => {
    const authority = await start()
    const pumps = []
    for (let index = 0; index < 3; index++) pumps.push(await pumpOf(authority, `pump${index}`))
    mosquitto.freeze()
    const answers = pumps.map(({ member }) => authority.askAdmin('DELETE', at(routes.member, member.id)))
    await setTimeout(300)
    await mosquitto.end('SIGKILL')
    for (const answer of answers) expect(await answer).toMatchObject({ status: 204 })
    await mosquitto.resume()
    await until(authority, inForce)
    for (const { broker } of pumps) {
      const attempt = mqtt.connectAsync(mosquitto.url, { ...broker, reconnectPeriod: 0 })
      await expect(attempt).rejects.toMatchObject(refusedConnect)
    }
  })

  it('loses what was queued for a removed sender, and its live connections within a second', async () => {
    const authority = await start()
    const pump = await pumpOf(authority)
    const live = await connectMqtt(authority, pump, { clientId: 'live' })
    const away = await connectMqtt(authority, pump, { clientId: 'away', clean: false })
    await away.subscribeAsync('iot/sensor', { qos: 1 })
    await away.endAsync()
    await live.publishAsync('iot/sensor', 'queued', { qos: 1 })
    const dropped = closed(live)
    const begun = performance.now()
    await authority.askAdmin('DELETE', at(routes.member, pump.member.id))
    await dropped
    expect(performance.now() - begun).toBeLessThan(1000)
    // Whoever comes with that client id now finds no session.
    const other = await pumpOf(authority, 'other')
    const client = mqtt.connect(mosquitto.url, { ...other.broker, clientId: 'away', clean: false, reconnectPeriod: 0 })
    const present = await new Promise((resolve) => client.once('connect', (packet) => resolve(packet.sessionPresent)))
    expect(present).toBe(false)
    await client.endAsync(true)
  })

  it('is checked as real clients: right as it is, and wrong where it was edited', async () => {
    const authority = await start()
    await pumpOf(authority)
    await pumpOf(authority, 'viewer', 'viewer')
    await authority.refresh()
    const right = (await authority.askAdmin<BrokerCheck>('POST', routes.brokerCheck)).body
    expect(right.wrong).toBe(0)
    expect([...new Set(right.cells.map(({ role }) => role))]).toEqual(['sensor', 'viewer'])
    expect(right.cells.filter(({ actual }) => actual).length).toBeGreaterThan(4)
    const role = await roleOf(authority, 'viewer')
    const acl = { acltype: 'publishClientSend', topic: 'iot/admin', allow: true, priority: 0 }
    await mosquitto.command({ command: 'addRoleACL', rolename: role, ...acl })
    const wrong = (await authority.askAdmin<BrokerCheck>('POST', routes.brokerCheck)).body
    expect(wrong.cells.filter(({ expected, actual }) => expected !== actual)).toEqual([
      { role: 'viewer', channel: 'admin', action: 'publish', topic: 'iot/admin', expected: false, actual: true },
    ])
    expect(wrong.drift).toEqual([`The role ${role} has other ACLs.`])
    expect(wrong.wrong).toBe(2)
    expect((await mosquitto.saved()).clients.filter(({ username }) => username.includes('check'))).toEqual([])
  })

  it('comes back after a broker that let nobody in, the authority neither', async () => {
    const authority = await start()
    await mosquitto.end('SIGKILL')
    mosquitto.spoilAdministrator()
    mosquitto.log.length = 0
    await mosquitto.resume()
    while (!mosquitto.log.some((line) => /denied|not authori[sz]ed/i.test(line))) await setTimeout(50)
    expect(await status(authority)).toMatchObject({ connected: false })
    await mosquitto.end('SIGKILL')
    mosquitto.forgetSecurity()
    await mosquitto.resume()
    expect(await until(authority, inForce)).toMatchObject({ connected: true })
  })

  it('says that it could not save its rights', async () => {
    const authority = await start()
    mosquitto.spoilSecurityFile()
    await pumpOf(authority)
    const { warnings } = await until(authority, (state) => state.warnings.length > 0)
    expect(warnings[0]).toMatch(/could not save its rights/)
  })

  it('says that its disk takes nothing more, once, until it is asked again after there is room', async () => {
    const authority = await start()
    const pump = await pumpOf(authority)
    await mosquitto.limitFiles(40_000)
    const client = await connectMqtt(authority, pump)
    await client.publishAsync('iot/sensor', 'x'.repeat(50_000), { qos: 1, retain: true })
    const { warnings } = await until(authority, (state) => state.warnings.length > 0)
    expect(warnings).toEqual([expect.stringMatching(/could not save what it keeps.*File too large.*reconcile/)])
    // It goes on carrying, and it goes on failing.
    const failures = () => mosquitto.log.filter((line) => line.includes('File too large')).length
    for (const before = failures(); failures() < before + 2; await setTimeout(50)) {}
    await client.publishAsync('iot/sensor', 'y', { qos: 1 })
    expect((await status(authority)).warnings).toEqual(warnings)
    await authority.askAdmin('POST', routes.brokerReconcile)
    await until(authority, (state) => state.warnings.length > 0)
    await mosquitto.limitFiles('unlimited')
    while ((await authority.askAdmin<BrokerStatus>('POST', routes.brokerReconcile)).body.warnings.length > 0)
      await setTimeout(50)
    await client.endAsync(true)
  })

  it('says how many senders cannot be entered there, for want of their password', async () => {
    const authority = await start()
    const pump = await pumpOf(authority)
    const store = await authority.database()
    await store.updateTable('senders').set({ broker_password_wrapped: null }).execute()
    await authority.restart()
    expect(await until(authority, inForce)).toMatchObject({ withoutPassword: 1 })
    const attempt = mqtt.connectAsync(mosquitto.url, { ...pump.broker, reconnectPeriod: 0 })
    await expect(attempt).rejects.toMatchObject(refusedConnect)
  })

  describe('is refused with a sentence', () => {
    const startError = (setting: BrokerSetting) =>
      TestAuthority.start({ broker: setting }).then(
        async (authority) => {
          await authority.close()
          return null
        },
        (error) => error,
      )

    it('when it is absent, unless the authority may wait for it', async () => {
      await mosquitto.end()
      expect(await startError(mosquitto.setting())).toMatchObject({
        code: 'broker-unreachable',
        message: expect.stringContaining('--broker-wait'),
      })
      const authority = await start({ wait: true })
      expect(await status(authority)).toMatchObject({ connected: false, rights: 'unknown' })
      await mosquitto.resume()
      await until(authority, inForce)
      expect((await connectMqtt(authority, await pumpOf(authority))).connected).toBe(true)
    })

    it('when the password is wrong, or the user no administrator', async () => {
      const { address } = mosquitto.setting()
      const wrong = mosquitto.setting({ address: { ...address, password: 'wrong' } })
      expect(await startError(wrong)).toMatchObject({ code: 'broker-refused' })
      await mosquitto.command({ command: 'createClient', username: 'plc', password: 'x' })
      const other = mosquitto.setting({ address: { ...address, username: 'plc', password: 'x' } })
      expect(await startError(other)).toMatchObject({ code: 'broker-refused' })
    })

    it('when it lets anybody in, unless that is asked for by name', async () => {
      const anybody = await MosquittoProcess.start({ anonymous: true })
      open.push({ close: () => anybody.end('SIGKILL') })
      expect(await startError(anybody.setting())).toMatchObject({ code: 'broker-anonymous' })
      const authority = await TestAuthority.withAdministrator({ broker: anybody.setting({ allowAnonymous: true }) })
      open.push({ close: () => authority.close() })
      expect((await status(authority)).warnings).toEqual([expect.stringContaining('without a user name')])
    })

    it('when it has no plugin', async () => {
      const bare = await MosquittoProcess.start({ plugin: false, anonymous: true })
      open.push({ close: () => bare.end('SIGKILL') })
      expect(await startError(bare.setting())).toMatchObject({ code: 'broker-without-plugin' })
    })

    it('when it is too old, or no broker at all', async () => {
      const reply = (bytes: number[]) =>
        new Promise<Server>((resolve) => {
          const server = createServer((socket) => {
            socket.on('error', () => {})
            socket.once('data', () => socket.end(Uint8Array.from(bytes)))
          }).listen(0, '127.0.0.1', () => resolve(server))
          open.push({ close: () => server.close() })
        })
      const { address } = mosquitto.setting()
      const at = (server: Server) => {
        const { port } = server.address() as { port: number }
        return mosquitto.setting({ address: { ...address, port } })
      }
      // CONNACK 1, unacceptable protocol version (MQTT 3.1.1, 3.2.2.3), as those answer that do not know MQTT 5.
      expect(await startError(at(await reply([0x20, 2, 0, 1])))).toMatchObject({ code: 'broker-too-old' })
      expect(await startError(at(await reply([0x48, 0x54, 0x54, 0x50])))).toMatchObject({ code: 'broker-unreachable' })
    })
  })
})
