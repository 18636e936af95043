import { once } from 'node:events'
import { createServer as createHttpServer, type Server as HttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import mqttPacket from 'mqtt-packet'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { type RelayOptions, WebSocketRelay } from '../src/broker/mosquitto/relay.ts'
import { createLogger } from '../src/logger.ts'

const connect = mqttPacket.generate({
  cmd: 'connect',
  protocolId: 'MQTT',
  protocolVersion: 4,
  clean: true,
  clientId: 'page',
  keepalive: 0,
})
const connack = Uint8Array.from([0x20, 2, 0, 0])

describe('the relay for browsers', () => {
  let upstream: Server
  let http: HttpServer
  let relay: WebSocketRelay
  /** What the broker's end of the next connection is. */
  let accepted: Promise<Socket>
  let reasons: unknown[]
  const sockets: WebSocket[] = []

  async function start(options: Partial<RelayOptions> = {}) {
    const logger = createLogger('silent')
    reasons = []
    logger.warn = ((fields: { reason: unknown }) => reasons.push(fields.reason)) as never
    const { port } = upstream.address() as AddressInfo
    const address = { host: '127.0.0.1', port, tls: false, ca: null, username: '', password: '' }
    relay = new WebSocketRelay({ address, logger, ...options })
    relay.attach(http, () => [])
  }
  function open(): WebSocket {
    const socket = new WebSocket(`ws://127.0.0.1:${(http.address() as AddressInfo).port}/mqtt`, 'mqtt')
    socket.on('error', () => {})
    sockets.push(socket)
    return socket
  }
  const nextUpstream = () => once(upstream, 'connection').then(([socket]) => (socket as Socket).on('error', () => {}))
  beforeEach(async () => {
    upstream = createServer().listen(0, '127.0.0.1')
    http = createHttpServer().listen(0, '127.0.0.1')
    await Promise.all([once(upstream, 'listening'), once(http, 'listening')])
    accepted = nextUpstream()
  })
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.terminate()
    relay.close()
    http.close()
    upstream.close()
  })

  it('carries bytes both ways, and the end of either', async () => {
    await start()
    const page = open()
    await once(page, 'open')
    page.send(connect)
    const broker = await accepted
    expect((await once(broker, 'data'))[0]).toEqual(connect)
    broker.write(connack)
    expect(new Uint8Array((await once(page, 'message'))[0])).toEqual(connack)
    broker.destroy()
    await once(page, 'close')
    const next = nextUpstream()
    const other = open()
    const end = once(await next, 'close')
    other.terminate()
    await end
  })

  it('lets no packet above the limit through, nor much of one that has not signed in', async () => {
    await start({ maximumPacketLength: 20_000 })
    for (const bytes of [
      [0x30, 0xff, 0xff, 0xff, 0x7f],
      [0x10, 0xff, 0xff, 0x7f],
      // A CONNECT that is whole, and a PUBLISH of 32,767 bytes.
      [...connect, 0x30, 0xff, 0xff, 0x01],
    ]) {
      const page = open()
      const broker = await accepted
      let passed = 0
      broker.on('data', (chunk) => {
        passed += chunk.length
      })
      await opened(page)
      page.send(Uint8Array.from(bytes))
      await once(page, 'close')
      expect(passed).toBe(0)
      accepted = nextUpstream()
    }
    expect(reasons).toEqual(['packet too large', 'packet too large', 'packet too large'])
  })

  it('drops who does not sign in, and nobody who did', async () => {
    await start({ signInTime: 300 })
    const silent = open()
    const broker = await accepted
    await once(silent, 'close')
    expect(reasons).toEqual(['has not signed in'])
    await closed(broker)
    accepted = nextUpstream()
    const page = open()
    const next = await accepted
    next.write(connack)
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(page.readyState).toBe(WebSocket.OPEN)
  })

  it('drops a page that takes nothing, before much of it is kept', async () => {
    await start()
    const page = open()
    const broker = await accepted
    broker.write(connack)
    await once(page, 'message')
    page.pause()
    const gone = closed(broker)
    const chunk = Buffer.alloc(65_536, 0x30)
    let sent = 0
    const fill = () => {
      while (!broker.destroyed && broker.write(chunk)) sent += chunk.length
    }
    broker.on('drain', fill)
    fill()
    await gone
    expect(reasons).toEqual(['takes nothing'])
    expect(sent).toBeLessThan(64 * 1024 * 1024)
  })

  it('ends a page at once when the broker is away', async () => {
    await start()
    upstream.close()
    const page = open()
    await once(page, 'close')
  })

  const closed = (socket: Socket) =>
    new Promise<void>((resolve) => {
      socket.resume()
      if (socket.destroyed) resolve()
      else socket.once('close', () => resolve())
    })
  const opened = async (page: WebSocket) => {
    if (page.readyState !== WebSocket.OPEN) await once(page, 'open')
  }
})
