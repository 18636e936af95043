import type { Server } from 'node:http'
import { connect as connectTcp, isIP, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import type { WebSocketServer } from 'ws'
import type { Logger } from '../../logger.ts'
import { GuardedConnection } from '../guarded-connection.ts'
import { acceptWebSockets } from '../web-socket.ts'
import type { MosquittoAddress } from './control-connection.ts'

export interface RelayOptions {
  address: MosquittoAddress
  logger: Logger
  /** Bytes; default 1 MiB. */
  maximumPacketLength?: number
  /** Default 5000. */
  maximumConnections?: number
  /** ms in which a connection must be signed in; default 10 s. */
  signInTime?: number
}

/** CONNACK, and where its code stands (MQTT 3.1.1 and 5.0, 3.2). */
const connack = 0x20

/**
 * Carries MQTT over WebSocket to the broker's own port, byte for byte: the broker's own WebSocket listener takes pages of any
 * Origin. Who signs in, and what it may, is decided by the broker.
 */
export class WebSocketRelay {
  readonly #options: RelayOptions
  readonly #open = new Set<GuardedConnection>()
  readonly #strangers = new Set<GuardedConnection>()
  #webSockets: WebSocketServer | null = null

  constructor(options: RelayOptions) {
    this.#options = options
  }

  attach(server: Server, ownOrigins: () => readonly string[]): void {
    this.#webSockets = acceptWebSockets(server, {
      ownOrigins,
      maximumPacketLength: this.#maximumPacketLength,
      accept: (socket) => this.#accept(socket),
      isStranger: (connection) => this.#strangers.has(connection),
    })
  }

  close(): void {
    this.#webSockets?.close()
    for (const connection of this.#open) connection.destroy()
  }

  get #maximumPacketLength(): number {
    return this.#options.maximumPacketLength ?? 1024 * 1024
  }

  #accept(socket: Duplex & { remoteAddress?: string | undefined }): GuardedConnection | null {
    const { logger, maximumConnections = 5000, signInTime = 10_000 } = this.#options
    const dropped = (reason: string) => logger.warn({ address: socket.remoteAddress, reason }, 'connection dropped')
    if (this.#open.size >= maximumConnections) {
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
    this.#open.add(connection)
    this.#strangers.add(connection)
    const late = setTimeout(() => connection.dropFor('has not signed in'), signInTime)
    const signedIn = () => {
      clearTimeout(late)
      this.#strangers.delete(connection)
    }
    const upstream = this.#connect()
    connection.on('error', () => {})
    connection.on('close', () => {
      signedIn()
      this.#open.delete(connection)
      upstream.destroy()
    })
    upstream.on('error', () => connection.destroy())
    upstream.on('close', () => connection.destroy())
    // Its answer to CONNECT is the first that the broker sends; 0 stands for accepted.
    upstream.once('data', (first: Buffer) => {
      if (first[0] === connack && first[3] === 0) signedIn()
    })
    connection.pipe(upstream)
    upstream.pipe(connection)
    return connection
  }

  #connect(): Socket {
    const { host, port, tls, ca } = this.#options.address
    if (!tls) return connectTcp({ host, port })
    // A name for SNI is none when it is an address (RFC 6066, 3).
    return connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...(ca === null ? {} : { ca }) })
  }
}
