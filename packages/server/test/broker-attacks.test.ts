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
