import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { Logger } from '../../logger.ts'
import type { BrokerWitness } from '../interface.ts'
import { BrokerError } from './broker-error.ts'
import { type MosquittoAddress, urlOf } from './control-connection.ts'

export interface ObservingOptions {
  /** Of the broker, with the observer's own user and password. */
  address: MosquittoAddress
  witness: Pick<BrokerWitness, 'observe' | 'unobserved'>
  logger: Logger
  /** Authority time, ms. */
  now: () => number
}

const connectTime = 5000
const reconnectWait = 500
/** ms that a publication waits for the connection. */
const publishWait = 10_000
/** Filters of one packet. */
const filtersAtOnce = 500
/** MQTT 5.0, 3.9.3: from here on a reason code refuses. */
const refusal = 0x80

/**
 * A connection of the authority that receives what the broker carries on the channels that are recorded, sealed as it is, and
 * publishes what the authority itself says. It has no key, and rights for these topics alone. Comes back by itself; what went by
 * meanwhile is told as unobserved.
 */
export class ObservingConnection {
  /** Others cannot see it; one who knew it could end the connection again and again. */
  readonly clientId = `sealmq-observer-${randomBytes(12).toString('hex')}`
  readonly #options: ObservingOptions
  #client: MqttClient | null = null
  #wanted: ReadonlySet<string> = new Set()
  readonly #subscribed = new Set<string>()
  #syncing: Promise<void> = Promise.resolve()
  /** Since when messages go by unseen, ms; null while all are seen, and before the start. */
  #blindSince: number | null = null
  #isObserving = false
  #problem: string | null = null
  #connected = Promise.withResolvers<void>()

  constructor(options: ObservingOptions) {
    this.#options = options
  }

  /** What is wrong, a sentence; null for nothing. */
  get problem(): string | null {
    return this.#problem
  }

  /** From now on it is told what goes by unseen: also what did before the broker shows messages for the first time. */
  start(): void {
    this.#blindSince = this.#options.now()
  }

  /** From now on messages under these filters are told to the witness. The first time it connects. */
  observe(filters: readonly string[]): Promise<void> {
    this.#wanted = new Set(filters)
    if (!this.#client) this.#open()
    return this.#sync()
  }

  /** The broker says that it drops messages of this connection, which did not take them quickly enough. */
  dropped(): void {
    const { witness, now, logger } = this.#options
    logger.warn('the broker carries more than is observed: messages are not recorded')
    witness.unobserved(now(), now())
  }

  /** Retained, at QoS 1. @throws Error when the broker does not take it: to be repeated */
  async publish(topic: string, payload: string): Promise<void> {
    const late = new AbortController()
    const inTime = setTimeout(publishWait, undefined, { ref: false, signal: late.signal }).then(() => {
      throw new BrokerError('broker-away', 'The broker is away; this will be tried again.')
    })
    inTime.catch(() => {})
    await Promise.race([this.#connected.promise, inTime]).finally(() => late.abort())
    await this.#client?.publishAsync(topic, payload, { qos: 1, retain: true })
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = null
    this.#tellGap()
    // The stop itself is recorded.
    this.#isObserving = false
    await client?.endAsync(true)
  }

  #open(): void {
    const { address, logger, witness, now } = this.#options
    const { username, password, ca } = address
    const settings: IClientOptions = {
      username,
      password,
      clientId: this.clientId,
      protocolVersion: 5,
      connectTimeout: connectTime,
      reconnectPeriod: reconnectWait,
      // Somebody may have taken the client away; the next reconciliation makes it again.
      reconnectOnConnackError: true,
      keepalive: 10,
      resubscribe: false,
      ...(ca === null ? {} : { ca }),
    }
    const client = mqtt.connect(urlOf(address), settings)
    this.#client = client
    client.on('connect', () => {
      this.#subscribed.clear()
      this.#connected.resolve()
      void this.#sync()
    })
    client.on('close', () => this.#lost())
    client.on('error', (error: Error & { code?: number | string }) => {
      // A number is the broker's own answer; that it is away is known from the other connection.
      if (typeof error.code !== 'number' || this.#problem) return
      this.#problem = `The broker does not let the authority observe messages: ${error.message}. None are recorded.`
      logger.warn({ reason: error.message }, 'the broker refuses the observer; trying on')
    })
    client.on('message', (topic, payload, { qos, retain }) =>
      witness.observe({ sender: null, topic, payload, qos, retain, time: now() }),
    )
  }

  #lost(): void {
    this.#connected.promise.catch(() => {})
    this.#connected = Promise.withResolvers<void>()
    if (this.#isObserving) this.#blindSince ??= this.#options.now()
    this.#isObserving = false
  }

  #tellGap(): void {
    const { witness, now } = this.#options
    if (this.#blindSince !== null && this.#wanted.size > 0) witness.unobserved(this.#blindSince, now())
    this.#blindSince = null
  }

  #sync(): Promise<void> {
    this.#syncing = this.#syncing.then(() => this.#syncNow())
    return this.#syncing
  }

  async #syncNow(): Promise<void> {
    const client = this.#client
    if (!client?.connected) return
    const wanted = this.#wanted
    const gone = [...this.#subscribed].filter((filter) => !wanted.has(filter))
    const missing = [...wanted].filter((filter) => !this.#subscribed.has(filter))
    try {
      if (gone.length > 0) await client.unsubscribeAsync(gone)
      for (const filter of gone) this.#subscribed.delete(filter)
      for (let at = 0; at < missing.length; at += filtersAtOnce)
        await this.#subscribe(client, missing.slice(at, at + filtersAtOnce))
      if (!client.connected) return
      this.#isObserving = true
      this.#problem = null
      this.#tellGap()
    } catch (error) {
      if (!client.connected) return
      this.#blindSince ??= this.#options.now()
      if (this.#problem === null)
        this.#options.logger.warn({ reason: String(error) }, 'the broker does not show all messages; trying on')
      this.#problem =
        'The broker does not show the authority all messages that are to be recorded. Run sealmq broker reconcile.'
      // The rights of a channel that is new may be on their way.
      void setTimeout(reconnectWait, undefined, { ref: false }).then(() => this.#sync())
    }
  }

  // As they were published: with their QoS and retain flag (MQTT 5.0, 3.8.3.1), and none that was retained before.
  async #subscribe(client: MqttClient, filters: readonly string[]): Promise<void> {
    const subscriptions = Object.fromEntries(
      filters.map((filter) => [filter, { qos: 2 as const, rap: true, rh: 2 as const }]),
    )
    const granted = await client.subscribeAsync(subscriptions)
    if (granted.some(({ qos }) => qos >= refusal)) throw new Error('a subscription was refused')
    for (const filter of filters) this.#subscribed.add(filter)
  }
}
