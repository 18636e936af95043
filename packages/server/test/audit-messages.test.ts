import { createHash } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import type { AuditRecord } from '@sealmq/audit-log'
import { decodeEnvelope } from '@sealmq/protocol'
import { type AuditLevel, routes } from '@sealmq/protocol/api'
import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, describe, expect, it } from 'vitest'
import { openStore } from '../src/store/open-store.ts'
import { onEachEngine } from './engines.ts'
import { accepts, connectMqtt } from './mqtt-connection.ts'
import { type SealingSender, sealingSender } from './sealing-sender.ts'
import { at, TestAuthority } from './test-authority.ts'
import { minute, second, TestClock } from './test-clock.ts'

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

describe('the audit of messages', () => {
  const undo: (() => unknown)[] = []
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
  })

  async function start(level: AuditLevel, options: Parameters<typeof TestAuthority.start>[0] = {}) {
    const authority = await TestAuthority.withAdministrator(options)
    undo.push(() => authority.close().catch(() => {}))
    const channels = [
      { name: 'line', filters: ['line/#'], audit: level },
      { name: 'open', filters: ['open/#'], audit: level, signing: 'off' },
    ]
    for (const channel of channels) await authority.askAdmin('POST', routes.channels, channel)
    const grants = channels.flatMap(({ name }) =>
      (['publish', 'subscribe'] as const).map((right) => ({ channel: name, right })),
    )
    await authority.askAdmin('POST', routes.roles, { name: 'line', grants })
    return authority
  }

  async function add(authority: TestAuthority, name: string, algorithm: 'ES256' | 'EdDSA' = 'ES256') {
    const member = await authority.createMember(name, 'line')
    const sender = await sealingSender(authority, member.token, algorithm)
    const actor = {
      kind: 'sender',
      member: member.id,
      sender: sender.sender,
      name: `${name}@plant.example`,
      roles: ['line'],
    }
    return { sender, actor, member }
  }

  async function connect(authority: TestAuthority, sender: SealingSender, options = {}): Promise<MqttClient> {
    const client = await connectMqtt(authority, sender, options)
    undo.push(() => client.end(true))
    return client
  }

  /** Waits for so many records of these actions, and gives them in the order of the log. */
  async function recordsOf(authority: TestAuthority, pattern: string, count: number): Promise<AuditRecord[]> {
    const store = await authority.database()
    for (const end = Date.now() + 20_000; ; await setTimeout(20)) {
      const rows = await store
        .selectFrom('audit_records')
        .select('record')
        .where('action', 'like', pattern)
        .orderBy('position')
        .execute()
      if (rows.length >= count || Date.now() > end) return rows.map(({ record }) => JSON.parse(record))
    }
  }

  onEachEngine('every message', (engine) => {
    it('is recorded with all that its header says, its hash and what its signature is worth', async () => {
      const clock = new TestClock()
      const authority = await start('every-message', { store: await engine.newStore(), now: clock.now })
      const pump = await add(authority, 'pump')
      const valve = await add(authority, 'valve', 'EdDSA')
      const client = await connect(authority, pump.sender)
      const other = await connect(authority, valve.sender)
      const good = await pump.sender.seal('line/a', 'CANARY-1')
      const second = await pump.sender.seal('line/b', 'CANARY-2')
      const byValve = await valve.sender.seal('line/a', 'CANARY-3')
      const unsigned = await pump.sender.seal('open/x', 'CANARY-4')
      const badSignature = altered(good.envelope, ({ signature }) => signature!)
      const badContent = altered(good.envelope, ({ ciphertext }) => ciphertext)
      const badSender = altered(good.envelope, ({ protectedHeader }) => protectedHeader.subarray(12, 13))
      const badEpoch = altered(good.envelope, ({ protectedHeader }) => protectedHeader.subarray(8, 9))
      const publish = (topic: string, payload: Uint8Array | string, retain = false, qos: 0 | 1 | 2 = 1, by = client) =>
        by.publishAsync(topic, payload as Buffer, { qos, retain })
      await publish('line/a', good.envelope)
      await publish('line/b', second.envelope, true, 2)
      await publish('line/a', byValve.envelope, false, 1, other)
      await publish('line/elsewhere', good.envelope)
      await publish('line/a', badSignature)
      await publish('line/a', badContent)
      await publish('line/a', badSender)
      await publish('line/a', badEpoch)
      await publish('line/a', byValve.envelope)
      await publish('open/x', unsigned.envelope)
      await publish('line/a', 'CANARY-5 no envelope')
      await publish('line/b', '', true)
      const records = await recordsOf(authority, 'message.%', 12)
      const told = (envelope: Uint8Array | string) => ({
        sha256: sha256(Buffer.from(envelope as string)),
        size: envelope.length,
        qos: 1,
        retain: false,
        accepted: clock.time,
      })
      const header = ({ epoch, session, sequence }: typeof good) => ({ epoch, session: hex(session), sequence })
      expect(records.map(({ detail }) => detail)).toEqual([
        { ...header(good), ...told(good.envelope), signature: 'good' },
        { ...header(second), ...told(second.envelope), signature: 'good', qos: 2, retain: true },
        { ...header(byValve), ...told(byValve.envelope), signature: 'good' },
        { ...header(good), ...told(good.envelope), signature: 'bad' },
        { ...header(good), ...told(badSignature), signature: 'bad' },
        { ...header(good), ...told(badContent), signature: 'bad' },
        {
          ...header(good),
          ...told(badSender),
          signature: 'unknown sender',
          headerSender: expect.any(Number),
          mismatch: true,
        },
        { ...header(good), ...told(badEpoch), epoch: expect.any(Number), signature: 'unknown epoch' },
        {
          ...header(byValve),
          ...told(byValve.envelope),
          signature: 'good',
          headerSender: valve.sender.sender,
          mismatch: true,
        },
        { ...header(unsigned), ...told(unsigned.envelope), signature: 'none' },
        { ...told('CANARY-5 no envelope'), malformed: 'malformed' },
        { empty: true, size: 0, qos: 1, retain: true, accepted: clock.time },
      ])
      expect(records.map(({ actor }) => actor)).toEqual(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].map((index) => {
          if (index === 2) return valve.actor
          return index === 9 ? { ...pump.actor, claimed: true } : pump.actor
        }),
      )
      expect(records.map(({ on, channel }) => `${on!.kind} ${on!.name}: ${channel}`)).toEqual([
        'topic line/a: line',
        'topic line/b: line',
        'topic line/a: line',
        'topic line/elsewhere: line',
        'topic line/a: line',
        'topic line/a: line',
        'topic line/a: line',
        'topic line/a: line',
        'topic line/a: line',
        'topic open/x: open',
        'topic line/a: line',
        'topic line/b: line',
      ])
      for (const { action, result } of records) expect([action, result]).toEqual(['message.accept', 'done'])
      const { signature, ciphertext } = decodeEnvelope(good.envelope)
      const secrets: Uint8Array[] = [
        ...[signature!, ciphertext, decodeEnvelope(unsigned.envelope).ciphertext, Buffer.from('CANARY')],
        ...(await pump.sender.epochKeys()).map((key) => Buffer.from(key, 'base64url')),
        Buffer.from(pump.sender.broker.password),
      ]
      const text = (await recordsOf(authority, '%', 0)).map((record) => JSON.stringify(record)).join('\n')
      for (const secret of secrets) {
        for (const encoding of ['utf8', 'latin1', 'hex', 'base64', 'base64url'] as const) {
          expect(text.includes(Buffer.from(secret).toString(encoding).replace(/=+$/, ''))).toBe(false)
        }
      }
    })
  })

  onEachEngine('a store that takes nothing', (engine) => {
    it('holds up no message; what waits is recorded later, and what was given up is counted', async () => {
      const clock = new TestClock()
      const authority = await start('every-message', { store: await engine.newStore(), now: clock.now })
      const pump = await add(authority, 'pump')
      const client = await connect(authority, pump.sender)
      await recordsOf(authority, 'connection.open', 1)
      const store = await authority.database()
      const refuse = () => store.schema.alterTable('audit_records').renameTo('audit_away').execute()
      const take = () => store.schema.alterTable('audit_away').renameTo('audit_records').execute()
      const publish = async (text: string) => {
        for (let index = 0; index < 3; index++) expect(await accepts(client, 'line/a', false, text)).toBe(true)
      }
      const metric = async (name: string) => {
        const text = await (await fetch(`${authority.running.httpUrl}/metrics`)).text()
        return Number(new RegExp(`^sealmq_audit_messages_${name} (\\d+)$`, 'm').exec(text)![1])
      }
      await refuse()
      await publish('later')
      await setTimeout(500)
      expect(await metric('waiting')).toBe(3)
      await take()
      clock.move(second)
      expect(await recordsOf(authority, 'message.%', 3)).toHaveLength(3)
      await refuse()
      await publish('given up')
      while ((await metric('skipped_total')) === 0) {
        clock.move(10 * second)
        await setTimeout(300)
      }
      expect(await metric('waiting')).toBe(0)
      await take()
      clock.move(second)
      const [skip, ...more] = await recordsOf(authority, 'message.skip', 1)
      expect([skip!.channel, skip!.detail, more]).toEqual([
        'line',
        { messages: 3, from: expect.any(Number), to: expect.any(Number), reason: 'store' },
        [],
      ])
      expect(await recordsOf(authority, 'message.accept', 3)).toHaveLength(3)
    })
  })

  it('knows an epoch and a sender as soon as they are there', async () => {
    const authority = await start('every-message')
    const pump = await add(authority, 'pump')
    await authority.askAdmin('POST', at(routes.rotate, 'line'))
    await pump.sender.renew()
    const client = await connect(authority, pump.sender)
    const { envelope } = await pump.sender.seal('line/a', 'x')
    await client.publishAsync('line/a', envelope as Buffer, { qos: 1 })
    await authority.askAdmin('POST', at(routes.rotate, 'line'))
    await pump.sender.renew()
    const next = await pump.sender.seal('line/a', 'x')
    await client.publishAsync('line/a', next.envelope as Buffer, { qos: 1 })
    const valve = await add(authority, 'valve')
    const third = await valve.sender.seal('line/a', 'x')
    await (await connect(authority, valve.sender)).publishAsync('line/a', third.envelope as Buffer, { qos: 1 })
    const records = await recordsOf(authority, 'message.accept', 3)
    expect(records.map(({ detail }) => detail.signature)).toEqual(['good', 'good', 'good'])
    expect(records[1]!.detail.epoch).toBe(next.epoch)
  })

  it('counts messages of a minute by sender and topic', async () => {
    const clock = new TestClock()
    const authority = await start('counts', { now: clock.now })
    const [pump, valve] = [await add(authority, 'pump'), await add(authority, 'valve')]
    const begin = clock.time
    const client = await connect(authority, pump.sender)
    const other = await connect(authority, valve.sender)
    for (const topic of ['line/a', 'line/b', 'line/a', 'open/x', 'line/a']) await client.publishAsync(topic, 'abc')
    await other.publishAsync('line/a', 'abcdef', { qos: 1 })
    await client.publishAsync('line/b', '', { qos: 1 })
    clock.move(minute)
    const records = await recordsOf(authority, 'message.%', 3)
    const to = Math.floor(begin / minute) * minute + minute
    const count = (topic: string, messages: number, bytes: number) => ({ topic, messages, bytes })
    expect(records.map(({ channel, actor, detail }) => ({ channel, actor, detail }))).toEqual([
      {
        channel: 'line',
        actor: pump.actor,
        detail: { from: begin, to, topics: [count('line/a', 3, 9), count('line/b', 2, 3)] },
      },
      {
        channel: 'open',
        actor: { ...pump.actor, claimed: true },
        detail: { from: begin, to, topics: [count('open/x', 1, 3)] },
      },
      { channel: 'line', actor: valve.actor, detail: { from: begin, to, topics: [count('line/a', 1, 6)] } },
    ])
    await client.publishAsync('line/a', 'abc', { qos: 1 })
    clock.move(minute)
    const [, , , next] = await recordsOf(authority, 'message.%', 4)
    expect(next!.detail).toEqual({ from: to, to: to + minute, topics: [count('line/a', 1, 3)] })
  })

  it('tells what it has counted when the level changes, and goes on with the new level', async () => {
    const authority = await start('counts', { now: new TestClock().now })
    const pump = await add(authority, 'pump')
    const client = await connect(authority, pump.sender)
    const level = async (audit: AuditLevel) => {
      const { status } = await authority.askAdmin('PATCH', at(routes.channel, 'line'), { audit })
      expect(status).toBeLessThan(300)
    }
    await client.publishAsync('line/a', 'abc', { qos: 1 })
    await level('every-message')
    await client.publishAsync('line/a', 'abcd', { qos: 1 })
    await recordsOf(authority, 'message.%', 2)
    await level('off')
    await client.publishAsync('line/a', 'abcde', { qos: 1 })
    await level('every-message')
    await client.publishAsync('line/a', 'abcdef', { qos: 1 })
    const records = await recordsOf(authority, 'message.%', 3)
    expect(records.map(({ action, detail }) => [action, detail.topics ?? detail.size])).toEqual([
      ['message.count', [{ topic: 'line/a', messages: 1, bytes: 3 }]],
      ['message.accept', 4],
      ['message.accept', 6],
    ])
  })

  it('records what waits when the authority stops, and nothing of a channel whose level is off', async () => {
    const authority = await start('every-message')
    const pump = await add(authority, 'pump')
    await authority.askAdmin('PATCH', at(routes.channel, 'open'), { audit: 'off' })
    const counted = await authority.askAdmin('POST', routes.channels, { name: 'counted', filters: ['counted'] })
    expect(counted.status).toBe(201)
    const grants = ['line', 'open', 'counted'].map((channel) => ({ channel, right: 'publish' }))
    await authority.askAdmin('PATCH', at(routes.role, 'line'), { grants })
    const client = await connect(authority, pump.sender)
    for (const topic of ['open/x', 'counted', 'counted', 'line/a']) await client.publishAsync(topic, 'abc', { qos: 1 })
    await authority.running.close()
    const store = await openStore(`${authority.options.dataDir}/sealmq.db`)
    const rows = await store.selectFrom('audit_records').select(['action', 'channel', 'record']).execute()
    await store.destroy()
    const messages = rows.filter(({ action }) => action.startsWith('message.'))
    expect(messages.map(({ action, channel }) => `${action} ${channel}`).sort()).toEqual([
      'message.accept line',
      'message.count counted',
    ])
    expect(rows.map(({ action }) => action)).toContain('connection.close')
  })

  it('records wills, refused messages and wills, connections and refused connections', async () => {
    const clock = new TestClock()
    const authority = await start('every-message', { now: clock.now })
    const pump = await add(authority, 'pump')
    const url = authority.running.mqttUrl
    const attempt = (options: object) =>
      mqtt.connectAsync(url, { ...pump.sender.broker, ...options, reconnectPeriod: 0 }).then(
        () => true,
        () => false,
      )
    const will = (topic: string) => ({ will: { topic, payload: Buffer.from('CANARY gone'), qos: 1 as const } })
    expect(await attempt({ password: 'CANARY-wrong' })).toBe(false)
    expect(await attempt({ username: 'CANARY-pasted', password: 'x' })).toBe(false)
    expect(await attempt({ clientId: 'will', ...will('iot/login') })).toBe(false)
    const client = await connect(authority, pump.sender, { clientId: 'writer' })
    expect(await accepts(client, 'iot/control', false, 'CANARY')).toBe(false)
    const dying = await connect(authority, pump.sender, { clientId: 'dying', ...will('line/w') })
    dying.stream.destroy()
    const refused = await recordsOf(authority, '%.refuse', 4)
    const stranger = { kind: 'stranger', member: null, sender: null, name: null, roles: [] }
    const told = ({ action, code, actor, address, on, channel, detail }: AuditRecord) => ({
      ...{ action, code, actor, address, on: on?.name, channel, detail },
    })
    const address = expect.stringMatching(/127\.0\.0\.1$/)
    const wrong = { action: 'connection.refuse', code: 'wrong-credentials', actor: stranger, address, channel: null }
    const denied = { action: 'message.refuse', code: 'not-permitted', actor: pump.actor, address }
    expect(refused.map(told)).toEqual([
      { ...wrong, on: undefined, detail: { username: pump.sender.broker.username } },
      { ...wrong, on: undefined, detail: {} },
      {
        ...denied,
        on: 'iot/login',
        channel: 'login',
        detail: { rule: expect.stringContaining('login'), will: true },
      },
      { ...denied, on: 'iot/control', channel: 'control', detail: { rule: expect.stringContaining('control') } },
    ])
    for (const { result } of refused) expect(result).toBe('refused')
    const accepted = await recordsOf(authority, 'message.accept', 1)
    expect(accepted).toMatchObject([{ on: { name: 'line/w' }, actor: pump.actor, detail: { malformed: 'malformed' } }])
    const opened = await recordsOf(authority, 'connection.open', 2)
    const on = { kind: 'sender', id: String(pump.sender.sender), name: 'pump' }
    expect(opened).toMatchObject([
      { on, actor: pump.actor, address, detail: { clientId: 'writer' } },
      { on, actor: pump.actor, address, detail: { clientId: 'dying' } },
    ])
    const ended = await recordsOf(authority, 'connection.close', 2)
    expect(ended.map(({ detail }) => detail)).toEqual([
      { clientId: 'writer', since: clock.time },
      { clientId: 'dying', since: clock.time },
    ])
    const text = JSON.stringify(await recordsOf(authority, '%', 0))
    expect(text).not.toContain('CANARY')
  })

  it('shows what waits and what went by in the metrics', async () => {
    const authority = await start('counts')
    const text = await (await fetch(`${authority.running.httpUrl}/metrics`)).text()
    expect(text).toContain('sealmq_audit_messages_waiting 0')
    expect(text).toContain('sealmq_audit_messages_skipped_total 0')
  })
})

/** The envelope with one bit of a part turned over. */
function altered(envelope: Uint8Array, part: (parts: ReturnType<typeof decodeEnvelope>) => Uint8Array): Uint8Array {
  const copy = new Uint8Array(envelope)
  part(decodeEnvelope(copy))[0]! ^= 1
  return copy
}
