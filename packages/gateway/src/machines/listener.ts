import type { EventEmitter } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { filterCovers, topicFilterFault, topicMatches } from '@sealmq/protocol'
import { Aedes, type AedesOptions, type AuthenticateError, type Client } from 'aedes'
import type { ListenerConfig, MachineUser } from '../config/gateway-config.ts'
import type { Counts, LogLimit } from '../counts.ts'
import { GatewayError } from '../gateway-error.ts'
import type { Logger } from '../logger.ts'
import { GuardedConnection } from './guarded-connection.ts'
import type { ForMachines, Intake, MachineSide } from './machine-side.ts'
import { SignIn } from './sign-in.ts'

export interface ListenerDeps {
  counts: Counts
  logger: Logger
  limit: LogLimit
  /** Monotonic, ms. */
  monotonic: () => number
}

/** ms in which a connection must have sent its CONNECT. */
const connectTimeout = 10_000
/** Connections that have not signed in; with one more, the oldest is dropped. */
const maximumStrangers = 100
const unavailable = 3
const badCredentials = 4
const notAuthorised = 5

/**
 * An MQTT 3.1.1 listener for machines, plain or with TLS. It keeps no sessions: what waited for a machine that was away could be a
 * command that is long since stale.
 */
export class MachineListener implements MachineSide {
  readonly #config: ListenerConfig
  readonly #deps: ListenerDeps
  readonly #signIn: SignIn
  readonly #machines = new WeakMap<Client, MachineUser>()
  readonly #wills = new WeakMap<Client, string>()
  /** Of whom a message was refused: none that came behind it is taken, or it would overtake. */
  readonly #refused = new WeakSet<Client>()
  readonly #sockets = new Set<GuardedConnection>()
  readonly #strangers = new Set<GuardedConnection>()
  /** Connections that have not shaken hands yet, by address and port. */
  readonly #shaking = new Map<string, Socket>()
  #aedes: Aedes | null = null
  #server: Server | null = null

  constructor(config: ListenerConfig, deps: ListenerDeps) {
    this.#config = config
    this.#deps = deps
    this.#signIn = new SignIn(config.users, deps.monotonic)
  }

  async start(intake: Intake): Promise<void> {
    const { logger } = this.#deps
    const aedes = new Aedes({ connectTimeout, queueLimit: 1000, ...this.#hooks(intake) })
    this.#aedes = aedes
    const events: EventEmitter = aedes
    events.on('error', (error) => logger.error({ reason: String(error) }, 'the listener failed'))
    const ended = (client: Client, error: Error) =>
      logger.debug({ machine: this.#machines.get(client)?.user, reason: error.message }, 'connection ended')
    aedes.on('clientError', ended).on('connectionError', ended)
    await aedes.listen()
    this.#server = this.#createServer()
    await this.#listen(this.#server)
  }

  deliver({ topic, payload, retain, qos, deadline }: ForMachines, done: (delivered: boolean) => void): void {
    if (!this.#aedes || (deadline !== null && this.#deps.monotonic() > deadline)) {
      done(false)
      return
    }
    const packet = { cmd: 'publish' as const, topic, payload: Buffer.from(payload), qos, retain, dup: false }
    this.#aedes.publish(packet, (error) => done(!error))
  }

  async stop(): Promise<void> {
    const server = this.#server
    const closed = server?.listening ? new Promise<void>((resolve) => server.close(() => resolve())) : null
    for (const socket of [...this.#sockets, ...this.#shaking.values()]) socket.destroy()
    await closed
    await new Promise<void>((resolve) => (this.#aedes ? this.#aedes.close(() => resolve()) : resolve()))
    this.#aedes = null
  }

  address(): string {
    const address = this.#server?.address()
    if (!address || typeof address === 'string') throw new Error('the listener does not listen')
    return `${this.#config.tls ? 'mqtts' : 'mqtt'}://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
  }

  // Aedes allows everything unless a hook is set.
  #hooks(
    intake: Intake,
  ): Required<
    Pick<AedesOptions, 'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'>
  > {
    const { counts } = this.#deps
    return {
      preConnect: (client, packet, done) => {
        packet.clean = true
        // Nobody takes over another machine's connection by its client id.
        packet.clientId = `${packet.username ?? ''}/${packet.clientId || crypto.randomUUID()}`
        if (packet.will) this.#wills.set(client, packet.will.topic)
        done(null, true)
      },
      authenticate: (client, username, password, done) => {
        const address = addressOf(client)
        this.#signIn.check(username ?? '', password ?? new Uint8Array(0), address).then(
          (answer) => {
            if (typeof answer === 'string') {
              counts.turnedAway++
              this.#refuse(
                `sign-in ${address}`,
                { address },
                answer === 'wrong' ? 'wrong user or password' : 'too many wrong passwords',
              )
              done(connectionError(answer === 'wrong' ? badCredentials : unavailable), false)
              return
            }
            const will = this.#wills.get(client)
            if (will !== undefined && !mayPublish(answer, will)) {
              counts.turnedAway++
              this.#refuse(
                `will ${answer.user}`,
                { machine: answer.user, topic: will },
                'this machine may not publish its will there',
              )
              done(connectionError(notAuthorised), false)
              return
            }
            this.#machines.set(client, answer)
            this.#strangers.delete(client.conn as unknown as GuardedConnection)
            done(null, true)
          },
          done as (error: Error) => void,
        )
      },
      // Aedes acknowledges when this is done (3.1.1 knows no other refusal than to end the connection).
      authorizePublish: (client, packet, done) => {
        const machine = client ? this.#machines.get(client) : undefined
        if (!machine || !mayPublish(machine, packet.topic)) {
          counts.turnedAway++
          this.#refuse(
            `publish ${machine?.user}`,
            { machine: machine?.user, topic: packet.topic },
            'this machine may not publish there',
          )
          done(new Error('not allowed'))
          return
        }
        const { topic, payload, retain, qos } = packet
        if (client && this.#refused.has(client)) {
          done(new Error('refused'))
          return
        }
        intake({ topic, payload: payload as Buffer, retain }).then(
          () => done(null),
          (error) => {
            // What was never to be acknowledged ends no connection.
            if (qos === 0) return done(null)
            if (client) this.#refused.add(client)
            done(error)
          },
        )
      },
      authorizeSubscribe: (client, subscription, done) => {
        const machine = this.#machines.get(client)
        const isAllowed = machine !== undefined && maySubscribe(machine, subscription.topic)
        if (!isAllowed)
          this.#refuse(
            `subscribe ${machine?.user}`,
            { machine: machine?.user, topic: subscription.topic },
            'this machine may not subscribe to that',
          )
        done(null, isAllowed ? subscription : null)
      },
      authorizeForward: (client, packet) => {
        const machine = this.#machines.get(client)
        return machine?.subscribe.some((filter) => topicMatches(filter, packet.topic)) ? packet : null
      },
    }
  }

  #refuse(kind: string, what: object, reason: string): void {
    const { limit, logger } = this.#deps
    if (limit.admit(kind)) logger.warn(what, reason)
  }

  #createServer(): Server {
    const { tls } = this.#config
    if (!tls) return createServer({ noDelay: true }, (socket) => this.#accept(socket))
    const options = { ...tls, minVersion: 'TLSv1.2', noDelay: true, handshakeTimeout: connectTimeout } as const
    return createTlsServer(options, (socket) => {
      this.#shaking.delete(peerOf(socket))
      this.#accept(socket)
    }).on('connection', (socket) => this.#shake(socket))
  }

  // Before the handshake nothing is known but an address: the same bound holds as for those that have not signed in.
  #shake(socket: Socket): void {
    const peer = peerOf(socket)
    this.#shaking.set(peer, socket)
    socket.on('close', () => {
      if (this.#shaking.get(peer) === socket) this.#shaking.delete(peer)
    })
    if (this.#shaking.size <= maximumStrangers) return
    const [[oldest, stalled]] = this.#shaking as unknown as [[string, Socket]]
    this.#shaking.delete(oldest)
    this.#dropped(stalled.remoteAddress, 'too many connections that have not shaken hands')
    stalled.destroy()
  }

  #dropped(address: string | undefined, reason: string): void {
    this.#deps.counts.turnedAway++
    this.#refuse(`dropped ${address}`, { address }, reason)
  }

  #accept(socket: Socket): void {
    const { monotonic } = this.#deps
    const { remoteAddress } = socket
    const dropped = (reason: string) => this.#dropped(remoteAddress, reason)
    if (!this.#aedes || this.#sockets.size >= this.#config.maximumConnections) {
      dropped('too many connections')
      socket.on('error', () => {})
      socket.destroy()
      return
    }
    const { maximumPacketLength } = this.#config
    const connection = new GuardedConnection(socket, { maximumPacketLength, dropped, monotonic })
    this.#sockets.add(connection)
    this.#strangers.add(connection)
    connection.on('error', () => {})
    connection.on('close', () => {
      this.#sockets.delete(connection)
      this.#strangers.delete(connection)
    })
    const [oldest] = this.#strangers
    if (this.#strangers.size > maximumStrangers) oldest?.dropFor('too many connections that have not signed in')
    this.#aedes.handle(Object.assign(connection, { remoteAddress }))
  }

  #listen(server: Server): Promise<void> {
    const { host, port } = this.#config
    return new Promise((resolve, reject) => {
      server.once('error', (error: NodeJS.ErrnoException) =>
        reject(
          error.code === 'EADDRINUSE'
            ? new GatewayError('port-in-use', `${host}:${port} of machines.listen is taken by another program.`)
            : new GatewayError('address-unusable', `machines.listen cannot use ${host}:${port} (${error.code}).`),
        ),
      )
      server.listen(port, host, () => {
        server.removeAllListeners('error').on('error', (error) => {
          this.#deps.logger.error({ reason: error.message }, 'the listener failed')
        })
        resolve()
      })
    })
  }
}

const mayPublish = ({ publish }: MachineUser, topic: string) =>
  !topic.startsWith('$') && publish.some((filter) => topicMatches(filter, topic))

const maySubscribe = ({ subscribe }: MachineUser, filter: string) =>
  !topicFilterFault(filter) && !filter.startsWith('$') && subscribe.some((granted) => filterCovers(granted, filter))

const connectionError = (returnCode: number): AuthenticateError =>
  Object.assign(new Error('refused'), { returnCode }) as AuthenticateError

const peerOf = ({ remoteAddress, remotePort }: Socket) => `${remoteAddress} ${remotePort}`

const addressOf = (client: Client): string =>
  (client.conn as unknown as { remoteAddress?: string }).remoteAddress ?? 'unknown'
