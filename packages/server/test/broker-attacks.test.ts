import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect as connectTcp, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { afterEach, describe, expect, it } from 'vitest'
import { TestBroker } from './test-broker.ts'
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

  describe('on the WebSocket port', () => {
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
const closed = (stream: Duplex) => new Promise<void>((resolve) => stream.once('close', () => resolve()))

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
