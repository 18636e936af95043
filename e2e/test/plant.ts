import { mkdtempSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AuthorityClient,
  enrolSender,
  type Identity,
  type Listeners,
  type Rejection,
  type SealedClient,
} from '@sealmq/client'
import { type ConnectOptions, connectAsync, fetchWithCa } from '@sealmq/client/node'
import type { OpenedMessage } from '@sealmq/protocol'
import { type MemberInfo, routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { type RunningAuthority, startAuthority } from '@sealmq/server'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'

const password = 'correct horse battery staple'

/** An authority in this process, its members, and clients that end with it. */
export class Plant {
  readonly #dataDir = mkdtempSync(join(tmpdir(), 'sealmq-plant-'))
  readonly #clients = new Set<SealedClient>()
  readonly #plain = new Set<MqttClient>()
  #running: RunningAuthority
  #ports = { http: 0, mqtt: 0 }
  /** With the first administrator's session. */
  admin!: AuthorityClient

  private constructor(running: RunningAuthority) {
    this.#running = running
  }

  static async start(): Promise<Plant> {
    const plant = new Plant(null as unknown as RunningAuthority)
    await plant.startAuthority()
    return plant.#setUp()
  }

  /** A plant whose authority runs already, elsewhere, and has no member yet. */
  static around(running: RunningAuthority): Promise<Plant> {
    return new Plant(running).#setUp()
  }

  async #setUp(): Promise<Plant> {
    const open = this.authority()
    const code = this.#running.setupCode!
    const { token } = await open.setUp({ code, email: 'ada@plant.example', name: 'Ada', password })
    this.admin = open.withToken(token)
    return this
  }

  get url(): string {
    return this.#running.httpUrl
  }

  /** The authority, for who has this token; its own CA is trusted. */
  authority(token?: string): AuthorityClient {
    const ca = this.#ca()
    return new AuthorityClient({ url: this.url, token, fetch: ca === null ? undefined : fetchWithCa(ca) })
  }

  #ca(): string | null {
    const { caFile } = this.#running
    return caFile === null ? null : readFileSync(caFile, 'utf8')
  }

  get brokerUrl(): string {
    return this.#running.mqttUrl
  }

  /** Starts the authority; again on the same folder and ports. */
  async startAuthority(): Promise<void> {
    this.#running = await startAuthority({
      dataDir: this.#dataDir,
      http: { host: '127.0.0.1', port: this.#ports.http },
      mqtt: { host: '127.0.0.1', port: this.#ports.mqtt },
      tls: null,
      store: null,
      allowPlain: false,
      masterKey: null,
      logLevel: 'silent',
      name: null,
    })
    this.#ports = { http: Number(new URL(this.url).port), mqtt: Number(new URL(this.brokerUrl).port) }
  }

  stopAuthority(): Promise<void> {
    return this.#running.close()
  }

  async stop(): Promise<void> {
    for (const client of this.#clients) await client.endAsync(true)
    for (const client of this.#plain) client.end(true)
    await this.stopAuthority().catch(() => {})
  }

  /** A member of these roles with one sender; no roles: a sender of the administrator. */
  async enrol(name: string, ...roles: string[]): Promise<Identity & { member: string }> {
    const enter = (by: AuthorityClient) => enrolSender(by, nodeCryptography, name, 'ES256', this.#ca())
    if (roles.length === 0) return { ...(await enter(this.admin)), member: '' }
    const email = `${name}@plant.example`
    const { id } = await this.admin.request<MemberInfo>('POST', routes.members, { email, name, password, roles })
    const { token } = await this.authority().logIn({ email, password })
    return { ...(await enter(this.admin.withToken(token))), member: id }
  }

  async connect(identity: Identity, options: Partial<ConnectOptions> = {}): Promise<SealedClient> {
    const client = await connectAsync({ identity, ...options })
    this.#clients.add(client)
    return client
  }

  /** An ordinary MQTT client: the eye and the hand of an attacker at the broker. */
  async connectPlain(url: string, options: IClientOptions = {}): Promise<MqttClient> {
    const client = await mqtt.connectAsync(url, { reconnectPeriod: 0, ...options })
    this.#plain.add(client)
    return client
  }
}

/** What a client received, to be taken one after the other. */
export class Inbox {
  readonly opened: { topic: string; text: string; message: OpenedMessage }[] = []
  readonly rejected: Rejection[] = []
  #wake: (() => void) | null = null

  /** For the client's option `on`, when messages may come with the connection. */
  readonly listeners: Listeners = {
    message: (topic, payload, _packet, message) => {
      this.opened.push({ topic, text: new TextDecoder().decode(payload), message })
      this.#wake?.()
    },
    rejected: (rejection) => {
      this.rejected.push(rejection)
      this.#wake?.()
    },
  }

  constructor(client?: SealedClient) {
    client?.on('message', this.listeners.message!).on('rejected', this.listeners.rejected!)
  }

  /** Waits for the next message and takes it out. */
  async next() {
    await this.until(() => this.opened.length > 0)
    return this.opened.shift()!
  }

  async nextRejected(): Promise<Rejection> {
    await this.until(() => this.rejected.length > 0)
    return this.rejected.shift()!
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }
}

/** The first payload that an ordinary client receives from now on. */
export function nextPayload(client: MqttClient): Promise<Buffer> {
  return new Promise((resolve) => client.once('message', (_topic, payload) => resolve(payload)))
}

/** Waits for one event of a client. */
export function eventOf<K extends Parameters<SealedClient['once']>[0]>(
  client: SealedClient,
  event: K,
): Promise<unknown[]> {
  return new Promise((resolve) => client.once(event, (...values: unknown[]) => resolve(values)))
}
