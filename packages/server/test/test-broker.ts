import { mkdtempSync } from 'node:fs'
import { connect as connectTcp, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ChannelRights } from '@sealmq/protocol'
import { ClassicLevel } from 'classic-level'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { EmbeddedBroker, type EmbeddedBrokerOptions } from '../src/broker/embedded/index.ts'
import { levelPersistence } from '../src/broker/embedded/level-persistence.ts'
import { type AedesPersistence, sessionId } from '../src/broker/embedded/session-store.ts'
import type { BrokerPolicy } from '../src/broker/interface.ts'
import { createLogger } from '../src/logger.ts'

/** One line of the log. */
export interface LogLine {
  fields: Record<string, unknown>
  message: string
}

interface WillWriter {
  putWill(client: { id: string }, will: object): Promise<void>
}

/** Payloads as they come. */
export function inbox(client: MqttClient): () => Promise<string> {
  const waiting: ((payload: string) => void)[] = []
  const kept: string[] = []
  client.on('message', (_topic, payload) => {
    const waiter = waiting.shift()
    if (waiter) waiter(payload.toString())
    else kept.push(payload.toString())
  })
  return () => new Promise((resolve) => (kept.length > 0 ? resolve(kept.shift()!) : waiting.push(resolve)))
}

/** Every sender may do what `rights` says of it; the password does not matter. */
export class TestPolicy implements BrokerPolicy {
  current = true
  readonly granted = new Map<number, readonly ChannelRights[]>()

  /** Publish and subscribe to these filters. */
  grant(sender: number, ...filters: string[]): void {
    this.granted.set(sender, [{ channel: 'granted', filters, publish: true, subscribe: true }])
  }

  authenticate(username: string): { sender: number } | null {
    const sender = Number(username.replace('sender-', ''))
    return this.granted.has(sender) ? { sender } : null
  }

  rights(sender: number): readonly ChannelRights[] | null {
    return this.granted.get(sender) ?? null
  }
}

/** An embedded broker on a free port with a folder of its own; senders 1 and 2 may use `a` and what is below it. */
export class TestBroker {
  readonly policy = new TestPolicy()
  readonly log: LogLine[] = []
  embedded!: EmbeddedBroker
  readonly folder = mkdtempSync(join(tmpdir(), 'sealmq-broker-'))
  readonly #undo: (() => unknown)[]

  private constructor(undo: (() => unknown)[]) {
    this.#undo = undo
    this.policy.grant(1, 'a/#')
    this.policy.grant(2, 'a/#')
  }

  static async start(undo: (() => unknown)[], options: Partial<EmbeddedBrokerOptions> = {}): Promise<TestBroker> {
    const broker = TestBroker.prepare(undo)
    await broker.run(options)
    return broker
  }

  /** With its folder, not yet started. */
  static prepare(undo: (() => unknown)[]): TestBroker {
    return new TestBroker(undo)
  }

  async run(options: Partial<EmbeddedBrokerOptions> = {}): Promise<void> {
    const logger = createLogger('silent')
    const write = (fields: object, message: string) => this.log.push({ fields: { ...fields }, message })
    Object.assign(logger, { info: write, warn: write, error: write })
    const { policy, folder } = this
    this.embedded = new EmbeddedBroker({ folder, host: '127.0.0.1', port: 0, tls: null, policy, logger, ...options })
    await this.embedded.start()
    this.#undo.push(() => this.embedded.stop())
  }

  /** Stores wills as a process leaves them that is killed. */
  async leaveWills(...wills: { sender: number; clientId: string; topic: string }[]): Promise<void> {
    const database = new ClassicLevel<string, Buffer>(this.folder, { valueEncoding: 'buffer' })
    await database.open()
    const persistence = levelPersistence(database) as AedesPersistence & WillWriter
    for (const { sender, clientId, topic } of wills) {
      const will = { topic, payload: Buffer.from('gone'), qos: 1, retain: false }
      await persistence.putWill({ id: sessionId(sender, clientId) }, will)
    }
    await database.close()
  }

  async connect(sender: number, clientId: string, options: IClientOptions = {}): Promise<MqttClient> {
    const client = await mqtt.connectAsync(this.embedded.address(), {
      username: `sender-${sender}`,
      password: 'x',
      clientId,
      reconnectPeriod: 0,
      ...options,
    })
    client.on('error', () => {})
    this.#undo.push(() => client.end(true))
    return client
  }

  /** Connected, and what it receives from the first message on. */
  async connectListening(
    sender: number,
    clientId: string,
    options: IClientOptions,
  ): Promise<[MqttClient, () => Promise<string>]> {
    const { username, password } = { username: `sender-${sender}`, password: 'x' }
    const all = { username, password, clientId, reconnectPeriod: 0, ...options }
    const client = mqtt.connect(this.embedded.address(), all)
    this.#undo.push(() => client.end(true))
    return [client, inbox(client)]
  }

  /** A bare connection, which ignores what it is sent. */
  socket(): Socket {
    const socket = connectTcp(Number(new URL(this.embedded.address()).port), '127.0.0.1')
    socket.on('error', () => {})
    socket.resume()
    this.#undo.push(() => socket.destroy())
    return socket
  }

  /** Stops it, and gives the keys of what it has stored. */
  async stored(): Promise<string[]> {
    await this.embedded.stop()
    const database = new ClassicLevel(this.folder)
    const keys = await database.keys().all()
    await database.close()
    return keys
  }
}
