import { connect as connectTcp, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import mqttPacket, { type IConnackPacket, type IPublishPacket, type ISubackPacket, type Packet } from 'mqtt-packet'
import type { LocalBrokerConfig } from '../config/gateway-config.ts'
import type { ForMachines, Intake } from './machine-side.ts'

export interface LocalConnectionOptions {
  config: LocalBrokerConfig
  subscriptions: readonly { filter: string; qos: 0 | 1 }[]
  intake: Intake
  /** A message larger than the configuration allows: it is acknowledged and goes no further. */
  tooLarge: (topic: string) => void
  /** Called once; what was not delivered is handed back, in order. */
  closed: (undelivered: Handed[], error: Error | null) => void
  /** Monotonic, ms. */
  monotonic: () => number
}

/** A message for machines and whom to tell. */
export interface Handed {
  message: ForMachines
  done: (delivered: boolean) => void
}

/** The broker does not let the gateway in, or refuses a subscription. */
export class LocalRefusal extends Error {}

/** Seconds. */
const keepalive = 30
const connectTimeout = 10_000
/** Messages that are taken but not on disk yet; beyond them nothing is read. */
const intakeLimit = 2_000
/** Messages that wait for the broker's acknowledgement at most. */
const deliveryLimit = 1_000
/** Bytes that wait to be sent at most. */
const writeLimit = 1024 * 1024
/** The broker keeps the session for so long, seconds (MQTT 5; 3.1.1 has no limit). */
const sessionLife = 7 * 86_400

/**
 * One connection to the machines' broker. Unlike a general client it acknowledges each message when that is on disk, without
 * holding up those behind it, in the order of MQTT 3.1.1, 4.6.
 */
export class LocalConnection {
  readonly #options: LocalConnectionOptions
  readonly #protocolVersion: 4 | 5
  readonly #socket: Socket
  readonly #ready = Promise.withResolvers<void>()
  readonly #delivering = new Map<number, Handed>()
  #acknowledged: Promise<unknown> = Promise.resolve()
  #taking = 0
  #lastId = 0
  #isReady = false
  #closed = false
  #error: Error | null = null
  #heardAt: number
  #timer: NodeJS.Timeout | null = null

  constructor(options: LocalConnectionOptions) {
    const { config, monotonic } = options
    this.#options = options
    this.#protocolVersion = config.mqtt5 ? 5 : 4
    this.#heardAt = monotonic()
    this.#ready.promise.catch(() => {})
    this.#socket = this.#open()
    const parser = mqttPacket.parser({ protocolVersion: this.#protocolVersion })
    parser.on('packet', (packet) => this.#received(packet))
    parser.on('error', (error) => this.end(error))
    this.#socket.on('data', (chunk) => {
      this.#heardAt = monotonic()
      parser.parse(chunk)
    })
    this.#socket.on('error', (error) => this.end(error))
    this.#socket.on('close', () => this.end(null))
    this.#timer = setTimeout(() => this.end(new Error('the broker does not answer')), connectTimeout)
  }

  /** Resolves when it is subscribed. @throws LocalRefusal; the error of the socket */
  get ready(): Promise<void> {
    return this.#ready.promise
  }

  /** Whether `deliver` may be called. */
  get takes(): boolean {
    return this.#isReady && this.#delivering.size < deliveryLimit && this.#socket.writableLength < writeLimit
  }

  deliver({ message, done }: Handed): void {
    const { topic, payload, retain, deadline } = message
    // Without MQTT 5 a message cannot expire in the broker: what must not wait there is not queued at QoS 0.
    const qos = deadline !== null && this.#protocolVersion === 4 ? 0 : message.qos
    const left = deadline === null ? null : Math.max(1, Math.floor((deadline - this.#options.monotonic()) / 1000))
    const properties = left !== null && this.#protocolVersion === 5 ? { messageExpiryInterval: left } : undefined
    const packet = {
      cmd: 'publish' as const,
      topic,
      payload: Buffer.from(payload),
      qos,
      retain,
      dup: false,
      ...(properties && { properties }),
    }
    if (qos === 0) {
      this.#send(packet)
      done(true)
      return
    }
    const messageId = this.#nextId()
    this.#delivering.set(messageId, { message, done })
    this.#send({ ...packet, messageId })
  }

  /** Closes; may be called twice. */
  end(error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.#isReady = false
    this.#error ??= error
    if (this.#timer) clearTimeout(this.#timer)
    this.#socket.destroy()
    this.#ready.reject(error ?? new Error('the broker closed the connection'))
    const undelivered = [...this.#delivering.values()]
    this.#delivering.clear()
    this.#options.closed(undelivered, this.#error)
  }

  /** Says goodbye, after what was taken is acknowledged. */
  async leave(): Promise<void> {
    this.#socket.pause()
    await this.#acknowledged.catch(() => {})
    if (this.#closed) return
    this.#send({ cmd: 'disconnect' } as Packet)
    await new Promise<void>((resolve) => this.#socket.end(() => resolve()))
    this.end(null)
  }

  #open(): Socket {
    const { url, ca } = this.#options.config
    const { protocol, hostname, port } = new URL(url)
    const host = hostname.replaceAll(/[[\]]/g, '')
    const socket =
      protocol === 'mqtts:'
        ? connectTls({ host, port: Number(port || 8883), servername: host, ...(ca === null ? {} : { ca }) })
        : connectTcp({ host, port: Number(port || 1883) })
    socket.setNoDelay(true)
    socket.once(protocol === 'mqtts:' ? 'secureConnect' : 'connect', () => this.#introduce())
    return socket
  }

  #introduce(): void {
    const { clientId, user, password } = this.#options.config
    this.#send({
      cmd: 'connect',
      protocolId: 'MQTT',
      protocolVersion: this.#protocolVersion,
      clientId,
      clean: false,
      keepalive,
      ...(user === null ? {} : { username: user }),
      ...(password === null ? {} : { password: Buffer.from(password) }),
      ...(this.#protocolVersion === 5
        ? {
            properties: {
              sessionExpiryInterval: sessionLife,
              receiveMaximum: intakeLimit,
              maximumPacketSize: this.#options.config.maximumPacketLength,
            },
          }
        : {}),
    } as Packet)
  }

  #received(packet: Packet): void {
    if (this.#closed) return
    if (packet.cmd === 'publish') this.#take(packet)
    else if (packet.cmd === 'puback') this.#wasDelivered(packet.messageId!)
    else if (packet.cmd === 'connack') this.#welcomed(packet)
    else if (packet.cmd === 'suback') this.#subscribed(packet)
    else if (packet.cmd === 'disconnect') this.end(new Error('the broker ended the connection'))
  }

  #welcomed({ returnCode, reasonCode }: IConnackPacket): void {
    const code = this.#protocolVersion === 5 ? (reasonCode ?? 0) : (returnCode ?? 0)
    if (code !== 0) {
      // 3.1.1: 4 bad credentials, 5 not authorised, 1 and 2 version and client id; 5.0: 128 and above, of which 136 (unavailable), 137 (busy) pass.
      const isPassing = this.#protocolVersion === 5 ? code === 136 || code === 137 : code === 3
      this.end(
        isPassing
          ? new Error(`unavailable (${code})`)
          : new LocalRefusal(`the broker refuses the connection (${code})`),
      )
      return
    }
    const { subscriptions } = this.#options
    if (subscriptions.length === 0) {
      this.#begin()
      return
    }
    this.#send({
      cmd: 'subscribe',
      messageId: this.#nextId(),
      subscriptions: subscriptions.map(({ filter, qos }) => ({
        topic: filter,
        qos,
        ...(this.#protocolVersion === 5 ? { nl: true, rap: true, rh: 0 } : {}),
      })),
    } as Packet)
  }

  #subscribed({ granted }: ISubackPacket): void {
    const refused = granted.findIndex((code) => Number(code) >= 128)
    if (refused >= 0)
      this.end(new LocalRefusal(`the broker refuses the subscription ${this.#options.subscriptions[refused]?.filter}`))
    else this.#begin()
  }

  #begin(): void {
    this.#isReady = true
    if (this.#timer) clearTimeout(this.#timer)
    this.#beat()
    this.#ready.resolve()
  }

  #beat(): void {
    this.#timer = setTimeout(() => {
      if (this.#options.monotonic() - this.#heardAt > keepalive * 1500) {
        this.end(new Error('the broker is silent'))
        return
      }
      this.#send({ cmd: 'pingreq' })
      this.#beat()
    }, keepalive * 500)
  }

  #take({ topic, payload, retain, qos, messageId }: IPublishPacket): void {
    const { intake, tooLarge, config } = this.#options
    const bytes = payload as Buffer
    const isTooLarge = bytes.length + topic.length > config.maximumPacketLength
    if (isTooLarge) tooLarge(topic)
    if (++this.#taking >= intakeLimit) this.#socket.pause()
    const taken = (isTooLarge ? Promise.resolve() : intake({ topic, payload: bytes, retain })).finally(() => {
      if (--this.#taking < intakeLimit && !this.#closed) this.#socket.resume()
    })
    if (qos === 0) {
      taken.catch(() => {})
      return
    }
    // Without its acknowledgement the broker sends it again, on the next connection.
    this.#acknowledged = Promise.all([this.#acknowledged, taken]).then(
      () => this.#send({ cmd: 'puback', messageId: messageId! }),
      (error) => this.end(error instanceof Error ? error : new Error(String(error))),
    )
  }

  #wasDelivered(id: number): void {
    const handed = this.#delivering.get(id)
    this.#delivering.delete(id)
    handed?.done(true)
  }

  #nextId(): number {
    do this.#lastId = (this.#lastId % 65_535) + 1
    while (this.#delivering.has(this.#lastId))
    return this.#lastId
  }

  #send(packet: Packet): void {
    if (this.#socket.destroyed) return
    this.#socket.write(mqttPacket.generate(packet, { protocolVersion: this.#protocolVersion }))
  }
}
