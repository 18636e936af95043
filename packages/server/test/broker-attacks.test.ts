import { once } from 'node:events'
import { mkdtemp } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import mqtt, { type MqttClient } from 'mqtt'
import { afterEach, describe, expect, it } from 'vitest'
import { loadTls } from '../src/tls/load-tls.ts'
import { inbox, TestBroker } from './test-broker.ts'
import { collectUncaught } from './uncaught.ts'

/** Attacks on the embedded broker by itself, under a policy that the test changes at will. */
describe('the embedded broker under attack', () => {
  const uncaught = collectUncaught()
  const undo: (() => unknown)[] = []
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
  })

  describe('by wills that a killed process left', () => {
    it('publishes those that are allowed, deletes the others, and goes on', async () => {
      const broker = TestBroker.prepare(undo)
      const refused = Array.from({ length: 40 }, (_, index) => ({ sender: 1, clientId: `${index}`, topic: 'b' }))
      const deep = { sender: 1, clientId: 'deep', topic: 'a/'.repeat(100) }
      const allowed = { sender: 2, clientId: 'allowed', topic: 'a/last' }
      await broker.leaveWills(...refused, deep, { sender: 10, clientId: 'revoked', topic: 'a/x' }, allowed)
      await broker.run({ heartbeatInterval: 50 })
      const reader = await broker.connect(2, 'reader')
      const received = new Promise<string>((resolve) => reader.once('message', resolve))
      await reader.subscribeAsync('a/#', { qos: 1 })
      expect(await received).toBe('a/last')
      expect(uncaught).toEqual([])
      expect(broker.log.filter(({ message }) => message === 'the broker failed')).toEqual([])
      expect((await broker.stored()).filter((key) => key.startsWith('will:sender-1'))).toEqual([])
    })

    it('deletes the will of a sender at the change of its rights', async () => {
      const broker = TestBroker.prepare(undo)
      const will = (topic: string) => ({ sender: 1, clientId: topic, topic })
      await broker.leaveWills(will('a'), will('b'), { sender: 2, clientId: 'x', topic: 'b' })
      await broker.run()
      await broker.embedded.refreshSender(1)
      await broker.embedded.removeSender(2)
      expect((await broker.stored()).filter((key) => key.startsWith('will:'))).toEqual(['will:sender-1%2Fa'])
    })
  })

  describe('by sessions that are kept', () => {
    const durable = { clean: false }
    /** Publishes one after the other; each has been queued for who is away when it returns. */
    async function publish(writer: MqttClient, topic: string, ...payloads: string[]): Promise<void> {
      const next = inbox(writer)
      await writer.subscribeAsync(topic, { qos: 1 })
      for (const payload of payloads) {
        await writer.publishAsync(topic, payload, { qos: 1 })
        expect(await next()).toBe(payload)
      }
    }
    /** Subscribes, and is away. */
    async function leaveSession(broker: TestBroker, sender: number, clientId: string, filter = 'a/#') {
      const reader = await broker.connect(sender, clientId, durable)
      await reader.subscribeAsync(filter, { qos: 1 })
      await reader.endAsync(true)
    }

    it('keeps nothing of a filter that was refused beside one that was allowed', async () => {
      const broker = await TestBroker.start(undo)
      broker.policy.grant(2, 'b')
      const reader = await broker.connect(1, 'reader', durable)
      const granted = await new Promise((resolve) =>
        reader.subscribe(['b', 'a/x', 'c/#'], { qos: 1 }, (_error, _granted, packet) => resolve(packet?.granted)),
      )
      expect(granted).toEqual([128, 1, 128])
      await reader.endAsync(true)
      await publish(await broker.connect(2, 'writer'), 'b', 'not for 1')
      const rows = (await broker.stored()).filter((key) => key.includes('sender-1%2F'))
      expect(rows).toEqual(['session:sender-1%2Freader', 'subscriptions:sender-1%2Freader:a/x'])
    })

    it('keeps so many messages for one session and no more, over a restart too, and goes on once they are taken', async () => {
      const broker = await TestBroker.start(undo, { maximumQueueLength: 5 })
      await leaveSession(broker, 1, 'reader')
      await publish(await broker.connect(2, 'writer'), 'a/x', '1', '2', '3', '4')
      await broker.embedded.stop()
      await broker.run({ maximumQueueLength: 5 })
      const writer = await broker.connect(2, 'writer')
      await publish(writer, 'a/x', '5', '6', '7')
      expect(broker.log.filter(({ message }) => message.startsWith('queue full'))).toHaveLength(1)
      const [reader, next] = await broker.connectListening(1, 'reader', durable)
      for (const payload of ['1', '2', '3', '4', '5']) expect(await next()).toBe(payload)
      await publish(await broker.connect(2, 'other'), 'a/y', '8')
      expect(await next()).toBe('8')
      await reader.endAsync(true)
      await publish(await broker.connect(2, 'third'), 'a/z', '9')
      const [, nextAgain] = await broker.connectListening(1, 'reader', durable)
      expect(await nextAgain()).toBe('9')
    })

    it('keeps so many sessions of one sender and drops the one that was not used for longest', async () => {
      const broker = await TestBroker.start(undo, { maximumSessions: 2 })
      await leaveSession(broker, 2, 'of another')
      for (const name of ['first', 'second', 'first', 'third']) await leaveSession(broker, 1, name)
      await publish(await broker.connect(2, 'writer'), 'a/x', 'queued')
      const sessions = (kind: string, keys: string[]) =>
        keys.filter((key) => key.startsWith(`${kind}:`)).map((key) => decodeURIComponent(key.split(':')[1]!))
      const left = ['sender-1/first', 'sender-1/third', 'sender-2/of another']
      const keys = await broker.stored()
      for (const kind of ['session', 'subscriptions', 'outgoing']) expect(sessions(kind, keys)).toEqual(left)
    })
  })

  it('ends the connection of a revoked sender that is still taking what was queued for it', async () => {
    const broker = await TestBroker.start(undo)
    const reader = await broker.connect(1, 'reader', { clean: false })
    await reader.subscribeAsync('a/#', { qos: 1 })
    await reader.endAsync(true)
    const writer = await broker.connect(2, 'writer')
    const topics = Array.from({ length: 300 }, (_, index) => `a/${index}`)
    await Promise.all(topics.map((topic) => writer.publishAsync(topic, 'x', { qos: 1 })))
    let revoking: Promise<void> | null = null
    const { rights } = broker.policy
    let questions = 0
    broker.policy.rights = (sender) => {
      // The first is asked about its subscription, the others about what is queued.
      if (sender === 1 && ++questions === 5) {
        broker.policy.granted.delete(1)
        revoking = broker.embedded.removeSender(1)
      }
      return rights.call(broker.policy, sender)
    }
    const slow = mqtt.connect(broker.embedded.address(), {
      username: 'sender-1',
      password: 'x',
      clientId: 'reader',
      clean: false,
      reconnectPeriod: 0,
    })
    undo.push(() => slow.end(true))
    await closed(slow)
    await revoking
    expect(broker.embedded.connections().map(({ sender }) => sender)).toEqual([2])
  })

  describe('by strangers', () => {
    const reasons = (broker: TestBroker) => broker.log.map(({ fields }) => fields.reason)
    /** The first bytes of a CONNECT that has as many. */
    const beginning = (length: number) => {
      const remaining = length - 3
      return Uint8Array.from([0x10, 0x80 | (remaining & 0x7f), remaining >> 7])
    }

    it('ends a connection whose first packet is above 8 KiB before it is sent, and lets in one that is not', async () => {
      const broker = await TestBroker.start(undo)
      const stranger = broker.socket()
      stranger.write(beginning(8 * 1024 + 1))
      await closed(stranger)
      expect(reasons(broker)).toContain('packet too large')
      const will = { topic: 'a/will', payload: Buffer.alloc(8000), qos: 1 as const, retain: false }
      const client = await broker.connect(1, 'large', { will })
      await client.publishAsync('a/x', Buffer.alloc(500_000), { qos: 1 })
    })

    it('drops the oldest of too many that have not signed in, and nobody who has', async () => {
      const broker = await TestBroker.start(undo, { maximumStrangers: 3 })
      const client = await broker.connect(1, 'client')
      const strangers = Array.from({ length: 4 }, () => broker.socket())
      const ends = strangers.map(closed)
      for (const stranger of strangers) stranger.write(beginning(100))
      await ends[0]
      await broker.connect(1, 'other')
      await ends[1]
      expect(strangers.map(({ closed }) => closed)).toEqual([true, true, false, false])
      expect(client.connected).toBe(true)
      expect(reasons(broker)).toContain('too many connections that have not signed in')
    })

    it('lets in no more connections than there may be', async () => {
      const broker = await TestBroker.start(undo, { maximumConnections: 2 })
      for (const name of ['first', 'second']) await broker.connect(1, name)
      await closed(broker.socket())
      expect(reasons(broker)).toContain('too many connections')
      expect(broker.embedded.connections()).toHaveLength(2)
    })

    it('ends a TLS handshake that is none, and counts one that does not end', async () => {
      const { key, cert } = await loadTls(
        { kind: 'local', names: [] },
        await mkdtemp(join(tmpdir(), 'tls-')),
        Date.now(),
      )
      const broker = await TestBroker.start(undo, { tls: { key, cert }, maximumStrangers: 2 })
      const garbage = broker.socket()
      garbage.write('no handshake')
      await closed(garbage)
      const strangers = [broker.socket(), broker.socket()]
      const ends = strangers.map(closed)
      const client = await broker.connect(1, 'client', { rejectUnauthorized: false })
      await ends[0]
      expect(client.connected).toBe(true)
      expect(uncaught).toEqual([])
    })
  })

  describe('on the WebSocket port', () => {
    it('keeps little of a frame that a stranger does not end', async () => {
      const broker = await TestBroker.start(undo)
      const http = createServer()
      undo.push(() => http.close())
      broker.embedded.attachWebSocket(http, () => ['https://evil.example'])
      const peer = await upgrade(http, '/mqtt')
      await once(peer, 'data')
      const frame = Buffer.alloc(200_000)
      frame.set([0x82, 0xff, 0, 0, 0, 0, 0, 0x0f, 0, 0])
      peer.write(frame)
      peer.resume()
      await closed(peer)
      expect(broker.log.map(({ fields }) => fields.reason)).toContain('sends too much before it signs in')
    })

    it.each([
      ['/other', 404],
      ['/mqtt', 403],
    ])('outlives a peer that resets while it is refused %s (%i)', async (path, status) => {
      const broker = await TestBroker.start(undo)
      const http = createServer()
      undo.push(() => http.close())
      broker.embedded.attachWebSocket(http, () => [])
      const accepted = once(http, 'connection') as Promise<[Socket]>
      const peer = await upgrade(http, path)
      const [socket] = await accepted
      const ended = closed(socket)
      const [answer] = (await once(peer, 'data')) as [Buffer]
      expect(answer.toString()).toContain(`HTTP/1.1 ${status}`)
      peer.resetAndDestroy()
      await ended
      expect(uncaught).toEqual([])
    })
  })
})

/** Unlike `once`, it does not listen for errors. */
const closed = (stream: Duplex | MqttClient) => new Promise<void>((resolve) => stream.once('close', () => resolve()))

/** Asks for an upgrade on a bare socket, as a page from elsewhere. */
async function upgrade(http: Server, path: string): Promise<Socket> {
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  const peer = connectTcp({ port: (http.address() as AddressInfo).port, host: '127.0.0.1', allowHalfOpen: true })
  peer.on('error', () => {})
  peer.write(
    `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: https://evil.example\r\n\r\n',
  )
  return peer
}
