import type { EventEmitter } from 'node:events'
import type { Server as HttpServer } from 'node:http'
import { createServer, type Server } from 'node:net'
import type { Duplex } from 'node:stream'
import { createSecureContext, TLSSocket } from 'node:tls'
import { promisify } from 'node:util'
import { decideDelivery, decideSubscribe } from '@sealmq/protocol'
import type { BrokerCheck } from '@sealmq/protocol/api'
import { Aedes, type AedesPublishPacket, type Client } from 'aedes'
import { ClassicLevel } from 'classic-level'
import type { WebSocketServer } from 'ws'
import { AuthorityError, StartError } from '../../authority-error.ts'
import { listenOn } from '../../listen.ts'
import type { Logger } from '../../logger.ts'
import { GuardedConnection } from '../guarded-connection.ts'
import type { Broker, BrokerConnection, BrokerPolicy, BrokerState, BrokerWitness } from '../interface.ts'
import { acceptWebSockets } from '../web-socket.ts'
import { addressOf, authorisation, decideWill } from './authorisation.ts'
import { governPersistence } from './governed-persistence.ts'
import { levelPersistence } from './level-persistence.ts'
import { QueueLengths } from './queue-lengths.ts'
import { SessionLimit } from './session-limit.ts'
import { SessionStore, sessionSender } from './session-store.ts'

export interface EmbeddedBrokerOptions {
  /** Folder of its own for retained messages, sessions and queues. */
  folder: string
  host: string
  port: number
  tls: { key: string; cert: string } | null
  policy: BrokerPolicy
  /** Is told of messages and connections. */
  witness?: BrokerWitness
  logger: Logger
  /** Bytes; default 1 MiB. */
  maximumPacketLength?: number
  /** Messages that are kept for one stored session; default 10,000. */
  maximumQueueLength?: number
  /** Stored sessions of one sender; default 16. */
  maximumSessions?: number
  /** Default 5000. */
  maximumConnections?: number
  /** Connections that have not signed in; with one more, the oldest is dropped. Default 200. */
  maximumStrangers?: number
  /** ms; the wills of an earlier start are published after four of them. Default 60 s. */
  heartbeatInterval?: number
  now?: () => number
}

/** ms in which a connection must have sent its CONNECT. */
const connectTimeout = 10_000

/** Aedes as a broker of sealed messages: state on disk, everything denied that the policy does not allow. */
export class EmbeddedBroker implements Broker {
  readonly name = 'embedded'
  readonly capabilities = {
    protocolVersions: [4],
    webSocket: true,
    kick: true,
    liveChange: true,
    purge: 'removed',
    ownClientIds: true,
    refusedPublish: 'connection-ends',
    refusedWill: 'connection-refused',
    apart: false,
  } as const
  readonly #options: EmbeddedBrokerOptions
  readonly #sockets = new Set<Duplex>()
  /** Connections that have not signed in yet, in the order in which they came. */
  readonly #strangers = new Set<GuardedConnection>()
  readonly #clients = new Map<Client, BrokerConnection>()
  #aedes: Aedes | null = null
  #database: ClassicLevel<string, Buffer> | null = null
  #sessions: SessionStore | null = null
  #server: Server | null = null
  #webSockets: WebSocketServer | null = null

  constructor(options: EmbeddedBrokerOptions) {
    this.#options = options
  }

  async start(): Promise<void> {
    const { folder, host, port, tls, policy, logger } = this.#options
    const database = new ClassicLevel<string, Buffer>(folder, { valueEncoding: 'buffer' })
    await database.open().catch((error: Error & { cause?: { code?: string } }) => {
      if (error.cause?.code === 'LEVEL_LOCKED') {
        throw new StartError(
          'data-locked',
          `Another authority runs on ${folder}. Stop it, or name another --data folder.`,
        )
      }
      throw new StartError(
        'store-damaged',
        `The broker's store ${folder} cannot be opened (${error.cause?.code ?? error.message}). Move it away: retained and queued messages are lost, nothing else.`,
      )
    })
    this.#database = database
    const failed = (error: unknown) => logger.error({ error: String(error) }, 'the broker failed')
    const stored = levelPersistence(database)
    const queues = new QueueLengths(this.#options.maximumQueueLength ?? 10_000, (id) =>
      logger.warn({ client: id }, 'queue full: new messages for it are dropped'),
    )
    await queues.load(database)
    const sessionStore = new SessionStore(database, stored, queues)
    this.#sessions = sessionStore
    const sessions = new SessionLimit(database, {
      maximum: this.#options.maximumSessions ?? 16,
      remove: async (id) => {
        logger.warn({ client: id }, 'too many sessions of the sender: the oldest is removed')
        await this.#close((client) => client.id === id)
        await sessionStore.purgeSession(id)
      },
      failed,
      now: this.#now,
    })
    await sessions.load()
    const aedes: Aedes = new Aedes({
      id: await nextStart(database),
      persistence: governPersistence(stored, {
        policy,
        queues,
        sessions,
        publish: (will) => promisify(aedes.publish.bind(aedes))(will),
        failed,
      }),
      connectTimeout,
      queueLimit: 1000,
      heartbeatInterval: this.#options.heartbeatInterval ?? 60_000,
      ...authorisation({
        policy,
        logger,
        witness: this.#options.witness,
        admitted: (client) => this.#admit(client),
        now: this.#now,
      }),
    })
    this.#aedes = aedes
    aedes.on('publish', (packet, client) => this.#witness(packet, client))
    // Unheard, a fault of the store would end the process.
    const events: EventEmitter = aedes
    events.on('error', failed)
    await aedes.listen()
    // Its rights may have ended while it took what was queued for it.
    aedes.on('clientReady', (client) => {
      if (!policy.rights(sessionSender(client.id)!)) client.close()
    })
    aedes.on('clientError', (client, error) =>
      logger.info({ client: client.id, reason: error.message }, 'connection ended'),
    )
    aedes.on('connectionError', (client, error) =>
      logger.info({ client: client.id, reason: error.message }, 'connection ended'),
    )
    // Not a TLS server: it would show connections only after the handshake, and so many more could wait in that.
    const secureContext = tls && createSecureContext({ ...tls, minVersion: 'TLSv1.2' })
    this.#server = createServer((socket) => {
      this.#accept(secureContext ? new TLSSocket(socket, { isServer: true, secureContext }) : socket)
    })
    await listenOn(this.#server, host, port, '--mqtt')
    // No more files, for example.
    this.#server.on('error', failed)
  }

  async stop(): Promise<void> {
    const server = this.#server
    const closed = server?.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : null
    this.#webSockets?.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
    await new Promise<void>((resolve) => (this.#aedes ? this.#aedes.close(() => resolve()) : resolve()))
    if (this.#database?.status === 'open') await this.#database.close()
  }

  attachWebSocket(server: HttpServer, ownOrigins: () => readonly string[]): void {
    this.#webSockets = acceptWebSockets(server, {
      ownOrigins,
      maximumPacketLength: this.#maximumPacketLength,
      accept: (socket) => this.#accept(socket),
      isStranger: (connection) => this.#strangers.has(connection),
    })
  }

  async removeSender(sender: number): Promise<void> {
    await this.#disconnect(sender)
    await this.#sessions?.purge(sender)
  }

  disconnectSender(sender: number): Promise<void> {
    return this.#disconnect(sender)
  }

  async refreshSender(sender: number): Promise<void> {
    const { policy } = this.#options
    if (!policy.current) throw new Error('The rights are not known at the moment.')
    await this.#disconnect(sender)
    const rights = policy.rights(sender) ?? []
    await this.#sessions?.purgeRefused(
      sender,
      (filter) => decideSubscribe(rights, filter).allowed,
      (topic) => decideDelivery(rights, topic).allowed,
      (topic) => decideWill(rights, topic).allowed,
    )
  }

  // It sees every message, and the witness knows which are recorded.
  async refreshObserver(): Promise<void> {}

  async publishOwn(topic: string, payload: string): Promise<void> {
    const aedes = this.#aedes
    if (!aedes || aedes.closed) throw new Error('the broker does not run')
    const packet = { cmd: 'publish', topic, payload: Buffer.from(payload), qos: 1, retain: true, dup: false } as const
    await promisify(aedes.publish.bind(aedes))(packet)
  }

  connections(): BrokerConnection[] {
    return [...this.#clients.values()]
  }

  address(): string {
    const address = this.#server?.address()
    if (!address || typeof address === 'string') throw new Error('the broker does not listen')
    const host = address.family === 'IPv6' ? `[${address.address}]` : address.address
    return `${this.#options.tls ? 'mqtts' : 'mqtt'}://${host}:${address.port}`
  }

  readonly #now = (): number => (this.#options.now ?? Date.now)()

  // It asks the policy itself: it can have nothing else.
  state(): BrokerState {
    const isThere = this.#server?.listening ?? false
    return {
      connected: isThere,
      version: null,
      rights: isThere && this.#options.policy.current ? 'in-force' : 'unknown',
      readAt: null,
      drift: [],
      drifted: 0,
      withoutPassword: 0,
      warnings: [],
    }
  }

  async reconcile(): Promise<void> {}

  async check(): Promise<BrokerCheck> {
    throw new AuthorityError(
      'conflict',
      'The embedded broker asks the policy for each packet; there is nothing of its own to check.',
    )
  }

  get #maximumPacketLength(): number {
    return this.#options.maximumPacketLength ?? 1024 * 1024
  }

  #accept(socket: Duplex & { remoteAddress?: string | undefined }): GuardedConnection | null {
    const { maximumConnections = 5000, maximumStrangers = 200, logger } = this.#options
    const dropped = (reason: string) => logger.warn({ address: socket.remoteAddress, reason }, 'connection dropped')
    if (!this.#aedes || this.#sockets.size >= maximumConnections) {
      dropped('too many connections')
      socket.on('error', () => {})
      socket.destroy()
      return null
    }
    const connection = new GuardedConnection(socket, {
      maximumPacketLength: this.#maximumPacketLength,
      dropped,
      monotonic: () => performance.now(),
    })
    this.#sockets.add(connection)
    this.#strangers.add(connection)
    connection.on('close', () => {
      this.#sockets.delete(connection)
      this.#strangers.delete(connection)
    })
    connection.on('error', () => {})
    const [oldest] = this.#strangers
    if (this.#strangers.size > maximumStrangers) oldest?.dropFor('too many connections that have not signed in')
    this.#aedes.handle(Object.assign(connection, { remoteAddress: socket.remoteAddress }))
    return connection
  }

  // From here on, not from `clientReady`, which comes only after all that was queued was taken.
  #admit(client: Client): void {
    const connection = this.#describe(client)
    this.#clients.set(client, connection)
    this.#strangers.delete(client.conn as Duplex as GuardedConnection)
    this.#options.witness?.connectionOpened(connection)
    client.conn.once('close', () => {
      this.#clients.delete(client)
      this.#options.witness?.connectionClosed(connection, this.#now())
    })
  }

  // Wills of an earlier start come without a client; what the broker says itself has no sender at all.
  #witness(packet: AedesPublishPacket, client: Client | null): void {
    const sender = sessionSender(client?.id ?? (packet as { clientId?: string }).clientId)
    if (sender === null) return
    const { topic, qos, retain } = packet
    const payload = typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload
    this.#options.witness?.observe({ sender, topic, payload, qos, retain, time: this.#now() })
  }

  #disconnect(sender: number): Promise<void> {
    return this.#close((client) => sessionSender(client.id) === sender)
  }

  // Aedes removes a client from its lists in the callback of close.
  async #close(which: (client: Client) => boolean): Promise<void> {
    const clients = [...this.#clients.keys()].filter(which)
    await Promise.all(clients.map((client) => new Promise<void>((resolve) => client.close(resolve))))
  }

  #describe(client: Client): BrokerConnection {
    return {
      sender: sessionSender(client.id)!,
      clientId: client.id.slice(client.id.indexOf('/') + 1),
      address: addressOf(client),
      since: this.#now(),
    }
  }
}

// Queues are stored by the broker's id and its counter: ids that grow keep their order over restarts (MQTT 3.1.1, 4.6).
async function nextStart(database: ClassicLevel<string, Buffer>): Promise<string> {
  const last = await database.get('sealmq-starts')
  const id = String(Number(last ?? 0) + 1).padStart(12, '0')
  await database.put('sealmq-starts', Buffer.from(id))
  return id
}
