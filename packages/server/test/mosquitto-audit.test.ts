import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { AuditRecord } from '@sealmq/audit-log'
import { type AuditCheckpoint, type AuditLevel, type BrokerStatus, routes } from '@sealmq/protocol/api'
import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { observerPassword } from '../src/broker/mosquitto/desired-state.ts'
import { MasterKey } from '../src/keys/master-key.ts'
import { MosquittoProcess } from './mosquitto-process.ts'
import { connectMqtt, inbox, subscribe } from './mqtt-connection.ts'
import { type SealingSender, sealingSender } from './sealing-sender.ts'
import { at, TestAuthority } from './test-authority.ts'

describe('behind Mosquitto', () => {
  let mosquitto: MosquittoProcess
  /** Position of the record that says since when all is seen. */
  let observedFrom: number
  const undo: (() => unknown)[] = []
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
  })

  async function start(level: AuditLevel, { lines = [] as string[], ...options } = {}) {
    mosquitto = await MosquittoProcess.start({ lines })
    undo.push(() => mosquitto.end('SIGKILL'))
    const authority = await TestAuthority.withAdministrator({ broker: mosquitto.setting(), ...options })
    undo.push(() => authority.close().catch(() => {}))
    // The first record of all: what went by before the broker showed messages. From here on none is missed.
    const store = await authority.database()
    await vi.waitFor(async () => {
      const first = await store
        .selectFrom('audit_records')
        .select('position')
        .where('action', '=', 'message.skip')
        .executeTakeFirstOrThrow()
      observedFrom = first.position
    }, 20_000)
    const channels = [
      { name: 'line', filters: ['line/#'], audit: level },
      { name: 'open', filters: ['open/#'], audit: level, signing: 'off' },
      { name: 'quiet', filters: ['quiet/#'], audit: 'off' },
    ]
    for (const channel of channels) await authority.askAdmin('POST', routes.channels, channel)
    const grants = channels.flatMap(({ name }) =>
      (['publish', 'subscribe'] as const).map((right) => ({ channel: name, right })),
    )
    await authority.askAdmin('POST', routes.roles, { name: 'line', grants })
    return authority
  }

  async function add(authority: TestAuthority, name: string) {
    const member = await authority.createMember(name, 'line')
    const sender = await sealingSender(authority, member.token)
    const email = `${name}@plant.example`
    const actor = { kind: 'sender', member: member.id, sender: sender.sender, name: email, roles: ['line'] }
    return { sender, actor }
  }

  async function connect(authority: TestAuthority, sender: SealingSender): Promise<MqttClient> {
    const client = await connectMqtt(authority, sender)
    undo.push(() => client.end(true))
    return client
  }

  const connectAs = async (username: string, password: string) => {
    const client = await mqtt.connectAsync(mosquitto.url, {
      username,
      password,
      protocolVersion: 5,
      reconnectPeriod: 0,
    })
    undo.push(() => client.end(true))
    return client.on('error', () => {})
  }
  const passwordOf = (authority: TestAuthority) =>
    observerPassword(
      new MasterKey(
        Buffer.from(readFileSync(join(authority.options.dataDir, 'master.key'), 'utf8').trim(), 'base64url'),
      ),
    )
  const asObserver = (authority: TestAuthority) => connectAs('sealmq-observer', passwordOf(authority))
  const publishes = (client: MqttClient, topic: string) =>
    client.publishAsync(topic, 'x', { qos: 1 }).then(
      () => true,
      () => false,
    )
  const status = async (authority: TestAuthority) => (await authority.askAdmin<BrokerStatus>('GET', routes.broker)).body

  /** Waits for so many records of these actions, and gives them in the order of the log. */
  async function recordsOf(authority: TestAuthority, pattern: string, count: number): Promise<AuditRecord[]> {
    const store = await authority.database()
    for (;;) {
      const rows = await store
        .selectFrom('audit_records')
        .select('record')
        .where('action', 'like', pattern)
        .where('position', '>', observedFrom)
        .orderBy('position')
        .execute()
      if (rows.length >= count) return rows.map(({ record }) => JSON.parse(record))
      await setTimeout(20)
    }
  }

  it('every message is recorded; whose it is says the envelope: proved by its signature, else claimed', async () => {
    const authority = await start('every-message')
    const [pump, valve] = [await add(authority, 'pump'), await add(authority, 'valve')]
    const client = await connect(authority, pump.sender)
    const other = await connect(authority, valve.sender)
    const good = await pump.sender.seal('line/a', 'CANARY-1')
    const retained = await pump.sender.seal('line/b', 'CANARY-2')
    const unsigned = await pump.sender.seal('open/x', 'CANARY-3')
    const forged = Uint8Array.from(good.envelope)
    forged[forged.length - 1]! ^= 1
    const quiet = await pump.sender.seal('quiet/x', 'CANARY-4')
    const publish = (by: MqttClient, topic: string, payload: Uint8Array | string, qos: 0 | 1 | 2 = 1, retain = false) =>
      by.publishAsync(topic, payload as Buffer, { qos, retain })
    await publish(client, 'quiet/x', quiet.envelope)
    await publish(client, 'line/a', good.envelope)
    await publish(client, 'line/b', retained.envelope, 2, true)
    await publish(client, 'open/x', unsigned.envelope)
    // What valve sends in the name of pump, and what is nobody's.
    await publish(other, 'line/a', forged)
    await publish(other, 'line/a', 'no envelope', 0)
    // Refused by the broker, which shows it to nobody.
    expect(await publishes(other, 'iot/sensor')).toBe(false)
    await publish(client, 'line/b', '', 1, true)
    const records = await recordsOf(authority, 'message.%', 6)
    // At QoS 2 a message is given to the observer later than some that came after it.
    const place = ({ on, detail }: AuditRecord) => `${on!.name} ${detail.qos === 2 ? 0 : 1}`
    records.sort((one, other) => place(one).localeCompare(place(other)))
    const stranger = { kind: 'stranger', member: null, sender: null, name: null, roles: [] }
    expect(
      records.map(({ action, actor, on, detail: { signature = null, qos, retain } }) => ({
        action,
        actor,
        topic: on!.name,
        signature,
        qos,
        retain,
      })),
    ).toEqual(
      [
        { actor: pump.actor, topic: 'line/a', signature: 'good', qos: 1, retain: false },
        { actor: { ...pump.actor, claimed: true }, topic: 'line/a', signature: 'bad', qos: 1, retain: false },
        { actor: stranger, topic: 'line/a', signature: null, qos: 0, retain: false },
        { actor: pump.actor, topic: 'line/b', signature: 'good', qos: 2, retain: true },
        { actor: stranger, topic: 'line/b', signature: null, qos: 1, retain: true },
        { actor: { ...pump.actor, claimed: true }, topic: 'open/x', signature: 'none', qos: 1, retain: false },
      ].map((record) => ({ action: 'message.accept', ...record })),
    )
    expect((await status(authority)).warnings).toEqual([])
  })

  it('messages are counted for whom the header names, and levels change without a message less', async () => {
    const authority = await start('counts')
    const pump = await add(authority, 'pump')
    const client = await connect(authority, pump.sender)
    const publish = async (text: string) => {
      const { envelope } = await pump.sender.seal('line/a', text)
      await client.publishAsync('line/a', envelope as Buffer, { qos: 1 })
      return envelope.length
    }
    const level = (audit: AuditLevel) => authority.askAdmin('PATCH', at(routes.channel, 'line'), { audit })
    const bytes = (await publish('one')) + (await publish('two'))
    // The observer has seen both when it has seen what came later.
    await level('every-message')
    const size = await publish('three')
    await recordsOf(authority, 'message.%', 2)
    await level('off')
    await publish('four')
    await level('every-message')
    const last = await publish('fourteen')
    const records = await recordsOf(authority, 'message.%', 3)
    expect(records.map(({ action, actor, detail }) => [action, actor, detail.topics ?? detail.size])).toEqual([
      ['message.count', { ...pump.actor, claimed: true }, [{ topic: 'line/a', messages: 2, bytes }]],
      ['message.accept', pump.actor, size],
      ['message.accept', pump.actor, last],
    ])
  })

  it('what went by while the broker did not show it is told', async () => {
    const authority = await start('every-message')
    const pump = await add(authority, 'pump')
    const { envelope } = await pump.sender.seal('line/a', 'x')
    const first = await connect(authority, pump.sender)
    await first.publishAsync('line/a', envelope as Buffer, { qos: 1, retain: true })
    await recordsOf(authority, 'message.accept', 1)
    await mosquitto.end()
    await mosquitto.resume()
    const [skip] = await recordsOf(authority, 'message.skip', 1)
    expect([skip!.channel, skip!.detail]).toEqual([
      null,
      { messages: 0, from: expect.any(Number), to: expect.any(Number), reason: 'unobserved' },
    ])
    // It is there again, and what was retained is not told twice.
    const client = await connect(authority, pump.sender)
    await client.publishAsync('line/b', envelope as Buffer, { qos: 1 })
    const records = await recordsOf(authority, 'message.accept', 2)
    expect(records.map(({ on }) => on!.name)).toEqual(['line/a', 'line/b'])
  })

  it('what the broker drops because it comes too quickly is told', async () => {
    const authority = await start('counts', { lines: ['max_queued_messages 5', 'max_inflight_messages 5'] })
    const { username, password } = (await add(authority, 'pump')).sender.broker
    const words = ['-p', String(mosquitto.port), '-u', username, '-P', password, '-q', '1', '-t', 'line/a', '-l']
    // Nothing in this process runs meanwhile, the observer neither.
    spawnSync('mosquitto_pub', words, { input: 'x\n'.repeat(2000) })
    const [skip] = await recordsOf(authority, 'message.skip', 1)
    expect(skip!.detail).toMatchObject({ messages: 0, reason: 'unobserved' })
  })

  it('the observer may receive what is recorded, and nothing else whatever', async () => {
    const authority = await start('every-message')
    const pump = await add(authority, 'pump')
    const client = await connect(authority, pump.sender)
    const thief = await asObserver(authority)
    const recorded = ['line/#', 'open/#', 'line/a', 'iot/sensor']
    expect(await subscribe(thief, ...recorded)).toEqual(recorded.map(() => 1))
    const others = ['quiet/#', 'quiet/x', '#', '+/#', '$SYS/#', '$CONTROL/dynamic-security/v1/response', 'elsewhere']
    expect(await subscribe(thief, ...others)).toEqual(others.map(() => 128))
    for (const topic of ['line/a', 'open/x', 'quiet/x', 'iot/sensor', '$CONTROL/dynamic-security/v1', 'elsewhere'])
      expect(await publishes(thief, topic), topic).toBe(false)
    const next = inbox(thief)
    await authority.askAdmin('PATCH', at(routes.channel, 'line'), { audit: 'off' })
    await client.publishAsync('line/a', 'not recorded', { qos: 1 })
    await client.publishAsync('open/x', 'recorded', { qos: 1 })
    expect(await next()).toEqual(['open/x', 'recorded'])
    expect(await subscribe(thief, 'line/#')).toEqual([128])
    // Nobody becomes it: not by its name, not by being put into its group.
    await expect(connectAs('sealmq-observer', pump.sender.broker.password)).rejects.toThrow()
    await mosquitto.command(
      { command: 'createClient', username: 'plc', password: 'x' },
      { command: 'addGroupClient', groupname: 'sealmq-observer', username: 'plc' },
    )
    expect((await authority.askAdmin<BrokerStatus>('POST', routes.brokerReconcile)).body.drift).toEqual([
      'The client plc of somebody else is in the group sealmq-observer.',
    ])
    expect(await subscribe(await connectAs('plc', 'x'), 'open/#')).toEqual([128])
  })

  it('an observer that somebody took away is missed, and made again', async () => {
    const authority = await start('every-message')
    const pump = await add(authority, 'pump')
    const { envelope } = await pump.sender.seal('line/a', 'x')
    const client = await connect(authority, pump.sender)
    await client.publishAsync('line/a', envelope as Buffer, { qos: 1 })
    // It is there: nobody misses what has not come yet.
    await recordsOf(authority, 'message.accept', 1)
    await mosquitto.command({ command: 'deleteClient', username: 'sealmq-observer' })
    await vi.waitFor(
      async () => expect((await status(authority)).warnings).toEqual([expect.stringContaining('None are recorded')]),
      20_000,
    )
    await authority.askAdmin('POST', routes.brokerReconcile)
    await recordsOf(authority, 'message.skip', 1)
    expect((await status(authority)).warnings).toEqual([])
  })

  it('checkpoints are retained on their topic, which every sender may read by its name and none may write', async () => {
    const topic = 'plant/checkpoints'
    const authority = await start('counts', { checkpoints: { topic } } as object)
    const { token } = await authority.createMember('bea')
    const sender = await authority.addSender(token)
    const { body } = await authority.askAdmin<AuditCheckpoint>('POST', routes.auditCheckpoint)
    const client = await connectMqtt(authority, sender)
    undo.push(() => client.end(true))
    const filters = ['plant/#', 'plant/+', '#', '+/checkpoints', `${topic}/#`, 'plant/other']
    expect(await subscribe(client, ...filters)).toEqual(filters.map(() => 128))
    const heard: string[] = []
    client.on('message', (_topic, payload) => heard.push(payload.toString()))
    expect(await subscribe(client, topic)).toEqual([1])
    await vi.waitFor(() => expect(heard).toContain(body.note), 20_000)
    expect(await publishes(client, topic)).toBe(false)
    expect((await authority.askAdmin<{ wrong: number }>('POST', routes.brokerCheck)).body).toMatchObject({ wrong: 0 })
    // Without the setting nobody may read it, and nothing is left for a channel that takes the topic.
    const eye = {
      rolename: 'eye',
      acls: ['subscribeLiteral', 'publishClientReceive'].map((acltype) => ({ acltype, topic, allow: true })),
    }
    await mosquitto.command(
      { command: 'createRole', ...eye },
      { command: 'createClient', username: 'eye', password: 'x', roles: [{ rolename: 'eye' }] },
    )
    Object.assign(authority.options, { checkpoints: {} })
    await authority.restart()
    await vi.waitFor(async () => {
      const watching = await connectAs('eye', 'x')
      const retained: string[] = []
      watching.on('message', (_topic, payload) => retained.push(payload.toString()))
      // What is retained comes before the answer to the second.
      await subscribe(watching, topic)
      await subscribe(watching, topic)
      await watching.endAsync(true)
      expect(retained).toEqual([])
    }, 20_000)
    const last = await connectMqtt(authority, sender)
    expect(await subscribe(last, topic)).toEqual([128])
    await last.endAsync(true)
  })
})
