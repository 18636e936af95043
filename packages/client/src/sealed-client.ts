import {
  type ChannelSummary,
  type Cryptography,
  decideSubscribe,
  fromBase64url,
  type HeldKeyring,
  inspectEnvelope,
  type KeyringError,
  type MessageKind,
  MessageOpener,
  MessageSealer,
  narrowSubscription,
  type OpenedMessage,
  ReplayState,
  type SealedMessage,
  type SealOptions,
} from '@sealmq/protocol'
import mqtt, { type IClientOptions, type IClientPublishOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { AuthorityClient, type Fetch } from './authority/authority-client.ts'
import { ClientError, isCertificateError } from './client-error.ts'
import { EventSource, type Listeners } from './events.ts'
import type { HeldIdentity, Identity, TokenKeeper } from './identity.ts'
import { KeyringRefresh } from './keyring-refresh.ts'
import { ownKeyring } from './own-keyring.ts'
import { isRefusal, mayBeNew } from './refusals.ts'
import { RejectionLimit } from './rejection-limit.ts'
import { Remembering } from './remembering.ts'
import type { Storage } from './storage.ts'

export interface SealedClientOptions {
  identity: Identity | HeldIdentity
  cryptography: Cryptography
  storage: Storage
  /** Keeps the sender's token, and renews it; without it `identity.token` is used for ever. */
  tokens?: TokenKeeper
  fetch?: Fetch | undefined
  /** Another broker than the authority's own, for example `mqtt://plant-broker:1883` or `wss://…`. */
  brokerUrl?: string | undefined
  /** 4 (MQTT 3.1.1, default) or 5. */
  protocolVersion?: 4 | 5
  /** Added to the client id, so that one sender can have several connections. */
  clientIdSuffix?: string
  /** false keeps the broker's session, with its queue, over disconnections. Default true. */
  clean?: boolean
  /** Largest envelope to hand to the broker, bytes; default 1 MiB less headers. */
  maximumEnvelopeLength?: number
  /** Seconds between keep-alive packets; MQTT.js's default is 60. */
  keepalive?: number
  will?: { topic: string; payload: string | Uint8Array; qos?: 0 | 1 | 2; retain?: boolean }
  /** Listeners from the first moment: what waits in a kept session (`clean: false`) comes as soon as it is connected. */
  on?: Listeners
  /** Monotonic clock, ms. */
  monotonic?: () => number
  /** Wall clock, ms; only to notice that the machine slept or its clock was set. */
  wallClock?: () => number
}

export interface PublishOptions extends Pick<SealOptions, 'contentType' | 'timeToLive' | 'age' | 'origin'> {
  qos?: 0 | 1 | 2
  retain?: boolean
  /** MQTT 5 only. */
  properties?: IPublishPacket['properties']
  /** Hears what was sealed, before the broker has it. */
  sealed?: (message: SealedMessage) => void
}

/** What became of one requested filter. */
export interface Granted {
  requested: string
  /** What was subscribed in its place; the same filter when it is granted as it is. */
  filters: string[]
  qos: 0 | 1 | 2
}

const encoder = new TextEncoder()
const shortestReconnect = 500
const longestReconnect = 30_000
/** A session that is kept has no end of its own in MQTT 3.1.1; in 5 it would end with the connection (MQTT 5.0, 3.1.2.11.2). */
const neverExpires = 0xffff_ffff

/** One sender's sealed connection: publishes, subscribes, keeps keys fresh. Made by `connectAsync`. */
export class SealedClient extends EventSource {
  readonly #options: SealedClientOptions
  readonly #keyring: HeldKeyring
  readonly #sealer: MessageSealer
  readonly #opener: MessageOpener
  readonly #remembering: Remembering
  readonly #rejections = new RejectionLimit()
  readonly #refresh: KeyringRefresh
  readonly #requested = new Map<string, { filters: string[]; qos: 0 | 1 | 2 }>()
  readonly #monotonic: () => number
  #mqtt: MqttClient | null = null
  #refused: ClientError | KeyringError | null = null
  #authorityState: 'online' | 'away' | null = null
  #reconnectWait = shortestReconnect
  #ending = false

  private constructor(
    options: SealedClientOptions,
    keyring: HeldKeyring,
    sealer: MessageSealer,
    replay: ReplayState,
    authority: AuthorityClient,
  ) {
    super()
    const { cryptography } = options
    this.#options = options
    for (const [event, listener] of Object.entries(options.on ?? {})) this.on(event as 'message', listener as never)
    this.#keyring = keyring
    this.#sealer = sealer
    this.#remembering = new Remembering(options.storage, keyring, replay, (error) => this.emit('error', error))
    this.#opener = new MessageOpener({ keyring, cryptography, replay })
    this.#monotonic = options.monotonic ?? (() => performance.now())
    this.#refresh = new KeyringRefresh({
      authority,
      keyring,
      tokens: options.tokens ?? null,
      monotonic: this.#monotonic,
      refreshed: (changed) => {
        if (changed) this.#rightsChanged()
      },
      reached: (state) => {
        if (state !== this.#authorityState) this.emit('authority', state)
        this.#authorityState = state
      },
      refused: (error) => this.#stopUsing(error),
    })
  }

  /** See `connectAsync`. */
  static async connect(options: SealedClientOptions): Promise<SealedClient> {
    const {
      identity,
      cryptography,
      storage,
      tokens,
      fetch,
      monotonic = () => performance.now(),
      wallClock = Date.now,
    } = options
    const remembered = await storage.load()
    let clockLost = () => {}
    const keyring = ownKeyring({ identity, cryptography, monotonic, wallClock }, remembered, () => clockLost())
    const signingKey =
      typeof identity.signingKey === 'string'
        ? await cryptography.importSigningKey(identity.algorithm, fromBase64url(identity.signingKey))
        : identity.signingKey
    const sealer = new MessageSealer({ keyring, cryptography, signingKey, wallClock })
    const replay = remembered?.replay ? ReplayState.restore(remembered.replay) : new ReplayState()
    const token = tokens ? () => tokens.current() : identity.token
    const authority = new AuthorityClient({ url: identity.authority, token, fetch })
    const client = new SealedClient(options, keyring, sealer, replay, authority)
    clockLost = () => void client.#refresh.refresh().catch(() => {})
    try {
      await client.#start(authority)
    } catch (error) {
      // Why it could not begin says more than why nothing could be saved.
      await client.endAsync().catch(() => {})
      throw error
    }
    return client
  }

  get connected(): boolean {
    return this.#mqtt?.connected ?? false
  }

  /** What this sender may do now. */
  get rights() {
    return this.#keyring.rights()
  }

  /** What is held of each channel now, for people to see. */
  get channels(): ChannelSummary[] {
    return this.#keyring.channels()
  }

  /** The authority's time, ms; null while it is not known. */
  get time(): number | null {
    return this.#keyring.isTimeKnown ? this.#keyring.now() : null
  }

  /** The channel of a topic with what it asks of its messages; null when this sender holds none. Ages in seconds. */
  channelOf(topic: string): { name: string; kind: MessageKind; maximumAge: number } | null {
    const held = this.#keyring.channelOf(topic)
    if (!held) return null
    const { name, maximumAge, epochs } = held.manifest
    return { name, kind: epochs[0]!.kind, maximumAge }
  }

  /**
   * Refuses at once what `publishAsync` would refuse.
   * @throws SealError `not-permitted`, `lease-expired`, …
   */
  check(topic: string): void {
    this.#sealer.check(topic)
  }

  /**
   * Seals and publishes. Resolves with what was sealed when the broker has acknowledged it (QoS 0: when it was written).
   * @throws SealError `not-permitted` (with the rule), `lease-expired`, …; ClientError `revoked`, `payload-too-large`, `ended`,
   *   `broker-unreachable`, `broker-refused` (by a reason code of MQTT 5; in 3.1.1 a broker cannot say so); KeyringError `clock-unknown` after the machine slept, while the authority is away
   */
  async publishAsync(
    topic: string,
    payload: string | Uint8Array,
    options: PublishOptions = {},
  ): Promise<SealedMessage> {
    const client = this.#usable()
    const { qos = 0, retain = false, properties, contentType, timeToLive, age, origin } = options
    const bytes = typeof payload === 'string' ? encoder.encode(payload) : payload
    const sealing: SealOptions = { retained: retain }
    if (contentType !== undefined) sealing.contentType = contentType
    if (timeToLive !== undefined) sealing.timeToLive = timeToLive
    if (age !== undefined) sealing.age = age
    if (origin !== undefined) sealing.origin = origin
    if (!this.#keyring.isTimeKnown) await this.#learnTime()
    const sealed = this.#sealer.seal(topic, bytes, sealing)
    const message = sealed instanceof Promise ? await sealed : sealed
    if (message.envelope.length > (this.#options.maximumEnvelopeLength ?? 1024 * 1024 - 1024)) {
      throw new ClientError('payload-too-large', `${bytes.length} bytes.`)
    }
    options.sealed?.(message)
    await this.#hand(client, topic, message.envelope, properties ? { qos, retain, properties } : { qos, retain })
    return message
  }

  /**
   * Takes the retained message of a topic away: an MQTT message without payload, in which there is nothing to seal.
   * @throws as `publishAsync`
   */
  async clearRetainedAsync(topic: string, options: { qos?: 0 | 1 | 2 } = {}): Promise<void> {
    const client = this.#usable()
    this.#sealer.check(topic)
    await this.#hand(client, topic, new Uint8Array(), { qos: options.qos ?? 0, retain: true })
  }

  #hand(client: MqttClient, topic: string, payload: Uint8Array, options: IClientPublishOptions): Promise<void> {
    return new Promise((resolve, reject) => {
      client.publish(topic, forMqtt(payload), options, (error) => (error ? reject(this.#failure(error)) : resolve()))
    })
  }

  /**
   * Subscribes to what is granted of each filter, and says what that is.
   * @throws ClientError `subscription-refused` when nothing is granted, `revoked`, `ended`
   */
  async subscribeAsync(filters: string | readonly string[], options: { qos?: 0 | 1 | 2 } = {}): Promise<Granted[]> {
    const client = this.#usable()
    const { qos = 0 } = options
    const granted = [filters].flat().map((requested): Granted => {
      const narrowed = narrowSubscription(this.#keyring.rights(), requested)
      if (narrowed.length === 0) throw new ClientError('subscription-refused', this.#refusal(requested))
      return { requested, filters: narrowed, qos }
    })
    for (const { requested, filters: narrowed } of granted) {
      this.#requested.set(requested, { filters: narrowed, qos })
      if (narrowed.length !== 1 || narrowed[0] !== requested) this.emit('narrowed', requested, narrowed)
      await client.subscribeAsync(narrowed, { qos }).catch((error) => {
        // MQTT.js rejects when one of them is refused (return code 128 or above).
        if (!('packet' in error)) throw this.#failure(error)
        throw new ClientError('subscription-refused', `The broker refused ${narrowed.join(' or ')}.`)
      })
    }
    return granted
  }

  /** Ends subscriptions, by the filters as they were requested. */
  async unsubscribeAsync(filters: string | readonly string[]): Promise<void> {
    const client = this.#usable()
    for (const requested of [filters].flat()) {
      const subscription = this.#requested.get(requested)
      this.#requested.delete(requested)
      if (subscription) await client.unsubscribeAsync(subscription.filters)
    }
  }

  /**
   * Sends what is in flight, disconnects, saves what must be remembered. May be called twice.
   * Ends in any case, and rejects when something could not be saved.
   * @param force breaks the connection at once: what is in flight stays unsent, and the broker sends the will
   */
  async endAsync(force = false): Promise<void> {
    if (this.#ending) return
    this.#ending = true
    this.#refresh.stop()
    try {
      await this.#mqtt?.endAsync(force)
      await this.#refresh.renewed()
    } finally {
      await this.#remembering.end().finally(() => this.emit('end'))
    }
  }

  async #start(authority: AuthorityClient): Promise<void> {
    await this.#refresh.start()
    await this.#remembering.save()
    const url = this.#options.brokerUrl ?? (await brokerUrlOf(authority, this.#options))
    const options = await this.#connectOptions()
    const client = mqtt.connect(url, options)
    this.#mqtt = client
    client.handleMessage = (packet, done) => this.#received(packet, done)
    await new Promise<void>((resolve, reject) => {
      client.once('connect', () => resolve())
      client.once('error', (error) => reject(brokerError(url, error)))
      client.once('close', () => reject(brokerError(url, null)))
    })
    client.on('connect', () => {
      this.#reconnectWait = shortestReconnect
      client.options.reconnectPeriod = shortestReconnect
      this.emit('connect')
    })
    client.on('reconnect', () => this.emit('reconnect'))
    client.on('offline', () => this.emit('offline'))
    client.on('error', (error) => {
      this.emit('error', brokerError(url, error))
      void this.#refresh.demand()
    })
    client.on('close', () => {
      this.#reconnectWait = Math.min(this.#reconnectWait * 2, longestReconnect)
      client.options.reconnectPeriod = this.#reconnectWait * (0.5 + Math.random() / 2)
      void this.#renewWill(client)
      this.emit('close')
    })
  }

  async #connectOptions(): Promise<IClientOptions> {
    const { identity, clientIdSuffix, clean = true, protocolVersion = 4, will, keepalive } = this.#options
    const options: IClientOptions = {
      clientId: clientIdSuffix ? `sealmq-${identity.sender}-${clientIdSuffix}` : `sealmq-${identity.sender}`,
      username: identity.broker.username,
      password: identity.broker.password,
      clean,
      protocolVersion,
      reconnectPeriod: shortestReconnect,
      // A broker that came back without its rights refuses everybody until the authority has put them back.
      reconnectOnConnackError: true,
      connectTimeout: 10_000,
      resubscribe: true,
      ...(keepalive === undefined ? {} : { keepalive }),
      ...(protocolVersion === 5 && !clean ? { properties: { sessionExpiryInterval: neverExpires } } : {}),
      ...(identity.ca ? { ca: identity.ca } : {}),
    }
    if (will) {
      const { envelope } = await this.#sealWill(will)
      options.will = {
        topic: will.topic,
        payload: envelope as Buffer,
        qos: will.qos ?? 0,
        retain: will.retain ?? false,
      }
    }
    return options
  }

  // After a sleep nobody knows the authority's time until it was asked.
  async #learnTime(): Promise<void> {
    await this.#refresh.refresh().catch(() => {})
  }

  #sealWill({ topic, payload }: NonNullable<SealedClientOptions['will']>) {
    return this.#sealer.seal(topic, typeof payload === 'string' ? encoder.encode(payload) : payload, { will: true })
  }

  // The broker may have sent the will that it had: the same one again would be refused as replayed.
  async #renewWill(client: MqttClient): Promise<void> {
    const { will } = this.#options
    if (!will || this.#ending) return
    try {
      if (!this.#keyring.isTimeKnown) await this.#learnTime()
      const { envelope } = await this.#sealWill(will)
      client.options.will!.payload = envelope as Buffer
    } catch (error) {
      this.emit('error', error as Error)
    }
  }

  // The broker gets its acknowledgement when `done` is called: after delivery. A refused message is acknowledged too.
  #received(packet: IPublishPacket, done: (error?: Error) => void): void {
    // Nothing was sealed, so nothing is said: this is how a retained message is taken away (docs/protocol.md, 2).
    if (packet.payload.length === 0) {
      done()
      return
    }
    try {
      const opened = this.#open(packet)
      if (!(opened instanceof Promise)) {
        this.#deliver(packet, opened)
        done()
        return
      }
      opened
        .then((message) => this.#deliver(packet, message))
        .catch((error) => this.#reopen(packet, error))
        .then(() => done())
    } catch (error) {
      void this.#reopen(packet, error).then(() => done())
    }
  }

  #open(packet: IPublishPacket) {
    const { topic, payload, retain, dup } = packet
    const bytes = typeof payload === 'string' ? encoder.encode(payload) : payload
    return this.#opener.open(topic, bytes, { retained: retain, duplicate: dup })
  }

  async #reopen(packet: IPublishPacket, error: unknown): Promise<void> {
    if (!mayBeNew(error) || !(await this.#refresh.demand())) {
      this.#reject(packet, error)
      return
    }
    try {
      this.#deliver(packet, await this.#open(packet))
    } catch (still) {
      this.#reject(packet, still)
    }
  }

  #deliver(packet: IPublishPacket, message: OpenedMessage): void {
    if (message.repeat) {
      this.emit('repeat', message.topic, message.payload, packet, message)
      return
    }
    if (message.gap) {
      const { sender, senderName, session, topic, gap } = message
      this.emit('gap', { topic, sender, senderName, session, ...gap })
    }
    this.emit('message', message.topic, message.payload, packet, message)
    this.#remembering.saveSoon()
  }

  #reject(packet: IPublishPacket, error: unknown): void {
    if (!isRefusal(error)) {
      this.emit('error', error instanceof Error ? error : new Error(String(error)))
      return
    }
    const suppressed = this.#rejections.admit(this.#monotonic())
    if (suppressed === null) return
    const { code, message } = error
    this.emit('rejected', { topic: packet.topic, code, message, claimed: claimedHeader(packet), suppressed, packet })
  }

  #rightsChanged(): void {
    this.#remembering.saveSoon()
    this.emit('rights')
    if (!this.#mqtt || this.#ending) return
    for (const [requested, subscription] of this.#requested) {
      const filters = narrowSubscription(this.#keyring.rights(), requested)
      const gone = subscription.filters.filter((filter) => !filters.includes(filter))
      const added = filters.filter((filter) => !subscription.filters.includes(filter))
      if (gone.length === 0 && added.length === 0) continue
      subscription.filters = filters
      this.emit('narrowed', requested, filters)
      if (gone.length > 0) this.#mqtt.unsubscribe(gone)
      if (added.length > 0) this.#mqtt.subscribe(added, { qos: subscription.qos })
    }
  }

  #stopUsing(error: ClientError | KeyringError): void {
    if (this.#refused) return
    this.#refused = error
    this.#keyring.clear()
    this.#refresh.stop()
    this.#mqtt?.end(true)
    this.emit('error', error)
  }

  #usable(): MqttClient {
    if (this.#refused) throw this.#refused
    if (this.#ending || !this.#mqtt) throw new ClientError('ended')
    return this.#mqtt
  }

  // Why the broker did not take something: MQTT.js says only that the connection is gone.
  #failure(error: Error): Error {
    if (this.#refused) return this.#refused
    if (this.#ending) return new ClientError('ended')
    const { code } = error as { code?: unknown }
    // From 128 on a reason code says no (MQTT 5.0, 2.4): the broker is there, and does not take it.
    if (typeof code === 'number' && code >= 128) return new ClientError('broker-refused', `${error.message} (${code}).`)
    return new ClientError('broker-unreachable', `${error.message}.`)
  }

  #refusal(filter: string): string {
    const decision = decideSubscribe(this.#keyring.rights(), filter)
    return decision.allowed ? '' : decision.rule
  }
}

// MQTT.js copies what waits for its acknowledgement: of a Buffer its bytes, of others all the memory they are a view of.
function forMqtt(bytes: Uint8Array): Buffer {
  if (!('Buffer' in globalThis)) return bytes.slice() as Buffer
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)
}

async function brokerUrlOf(authority: AuthorityClient, { cryptography }: SealedClientOptions): Promise<string> {
  const { broker } = await authority.deployment()
  const url = new URL(authority.url)
  if (cryptography.name === 'webcrypto' && ('document' in globalThis || 'WorkerGlobalScope' in globalThis)) {
    return `${url.protocol === 'https:' ? 'wss' : 'ws'}://${url.host}${broker.websocketPath}`
  }
  if (broker.elsewhere) return broker.mqtt
  // The broker of the authority is where the authority is; only scheme and port are its own.
  const [, scheme, port] = /^(mqtts?):\/\/.*:(\d+)$/.exec(broker.mqtt) ?? []
  return scheme && port ? `${scheme}://${url.hostname}:${port}` : broker.mqtt
}

function brokerError(url: string, error: Error | null): ClientError {
  const code = (error as { code?: number | string } | null)?.code
  const refused = code === 4 || code === 5 || code === 134 || code === 135
  const kind = refused ? 'broker-refused' : isCertificateError(code) ? 'broker-untrusted' : 'broker-unreachable'
  return new ClientError(kind, `${url}${code ? ` (${code})` : ''}:`)
}

function claimedHeader({ payload }: IPublishPacket) {
  try {
    const bytes = typeof payload === 'string' ? encoder.encode(payload) : payload
    const { sender, epoch, session, sequence, sealedAt } = inspectEnvelope(bytes)
    return { sender, epoch, session, sequence, sealedAt }
  } catch {
    return null
  }
}
