import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { toBase64url } from '@sealmq/protocol'
import type { Keyring, MemberInfo, SenderCreated, Session } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { type RunningAuthority, type ServeOptions, startAuthority } from '../src/index.ts'

export const password = 'correct horse battery staple'

/** What the authority answered. */
export interface Answer<T = unknown> {
  status: number
  body: T
  headers: Headers
}

type Starter<Running> = (options: ServeOptions) => Promise<Running>

/** An authority on free ports with its own folder, and what tests ask of it. */
export class TestAuthority<Running extends RunningAuthority = RunningAuthority> {
  readonly options: ServeOptions
  running: Running
  /** Session token of the first administrator. */
  admin = ''
  readonly #starter: Starter<Running>

  private constructor(options: ServeOptions, starter: Starter<Running>, running: Running) {
    this.options = options
    this.#starter = starter
    this.running = running
  }

  /** Started, without any member. */
  static start(options: Partial<ServeOptions> = {}): Promise<TestAuthority> {
    return TestAuthority.startBy(startAuthority, options)
  }

  /** Started by another way than in this process. */
  static async startBy<Running extends RunningAuthority>(
    starter: Starter<Running>,
    options: Partial<ServeOptions> = {},
  ): Promise<TestAuthority<Running>> {
    const all = testOptions(options)
    return new TestAuthority(all, starter, await starter(all))
  }

  /** Started, with the first administrator `ada@plant.example`. */
  static async withAdministrator(options: Partial<ServeOptions> = {}): Promise<TestAuthority> {
    const authority = await TestAuthority.start(options)
    await authority.setUp()
    return authority
  }

  /** Makes the first administrator. */
  async setUp(): Promise<void> {
    const { body } = await this.ask<Session>('POST', routes.setup, this.setup())
    this.admin = body.token
  }

  /** Stops and starts again on the same folder and ports. */
  async restart(): Promise<void> {
    await this.running.close()
    await this.startAgain()
  }

  async startAgain(): Promise<void> {
    this.running = await this.#starter({ ...this.options, ...this.addresses })
  }

  get addresses() {
    const { httpUrl, mqttUrl } = this.running
    const endpoint = (url: string) => ({ host: '127.0.0.1', port: Number(new URL(url).port) })
    return { http: endpoint(httpUrl), mqtt: endpoint(mqttUrl) }
  }

  setup(code = this.running.setupCode!) {
    return { code, email: 'ada@plant.example', name: 'Ada', password }
  }

  async ask<T = unknown>(method: string, path: string, body?: unknown, token?: string): Promise<Answer<T>> {
    const headers: Record<string, string> = {}
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (token !== undefined) headers.authorization = `Bearer ${token}`
    const response = await fetch(`${this.running.httpUrl}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: (text ? JSON.parse(text) : null) as T, headers: response.headers }
  }

  /** As the administrator. */
  askAdmin<T = unknown>(method: string, path: string, body?: unknown): Promise<Answer<T>> {
    return this.ask<T>(method, path, body, this.admin)
  }

  async createMember(name: string, ...roles: string[]): Promise<MemberInfo & { token: string }> {
    const email = `${name}@plant.example`
    const { body } = await this.askAdmin<MemberInfo>('POST', routes.members, { email, name, password, roles })
    return { ...body, token: await this.logIn(email) }
  }

  async logIn(email: string): Promise<string> {
    const { body } = await this.ask<Session>('POST', routes.login, { email, password })
    return body.token
  }

  async addSender(token: string, name = 'installation'): Promise<SenderCreated> {
    const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
    const request = { name, algorithm: 'ES256', publicKey: toBase64url(publicKey) }
    return (await this.ask<SenderCreated>('POST', routes.senders, request, token)).body
  }

  async keyring(token: string): Promise<Keyring> {
    return (await this.ask<Keyring>('GET', routes.keyring, undefined, token)).body
  }

  close(): Promise<void> {
    return this.running.close()
  }
}

/** Options that disturb nobody: free ports, a folder of its own, silence. */
export function testOptions(options: Partial<ServeOptions> = {}): ServeOptions {
  return {
    dataDir: mkdtempSync(join(tmpdir(), 'sealmq-server-')),
    http: { host: '127.0.0.1', port: 0 },
    mqtt: { host: '127.0.0.1', port: 0 },
    tls: null,
    store: null,
    allowPlain: false,
    masterKey: null,
    logLevel: 'silent',
    name: null,
    ...options,
  }
}
