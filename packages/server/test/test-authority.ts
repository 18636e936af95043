import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { toBase64url } from '@sealmq/protocol'
import type {
  DeviceTicket,
  Keyring,
  MemberInfo,
  RecoveryCodes,
  SenderCreated,
  Session,
  SignUpStarted,
  TotpEnrolment,
} from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { Secret, TOTP } from 'otpauth'
import { type RunningAuthority, type ServeOptions, startAuthority } from '../src/index.ts'
import { openStore } from '../src/store/open-store.ts'
import type { Database } from '../src/store/schema.ts'
import { MailFolder } from './mail-folder.ts'

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
  readonly mail: MailFolder
  #database: Database | null = null
  running: Running
  /** Session token of the first administrator. */
  admin = ''
  readonly #starter: Starter<Running>

  private constructor(options: ServeOptions, starter: Starter<Running>, running: Running) {
    this.options = options
    this.#starter = starter
    this.mail = new MailFolder(options.dataDir)
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

  /** The newest that its broker speaks. */
  get protocolVersion(): 4 | 5 {
    return this.options.broker ? 5 : 4
  }

  get addresses() {
    const { httpUrl, mqttUrl } = this.running
    const endpoint = (url: string) => ({ host: '127.0.0.1', port: Number(new URL(url).port) })
    return { http: endpoint(httpUrl), ...(this.options.broker ? {} : { mqtt: endpoint(mqttUrl) }) }
  }

  setup(code = this.running.setupCode!) {
    return { code, email: 'ada@plant.example', name: 'Ada', password }
  }

  async ask<T = unknown>(
    method: string,
    path: string,
    body?: unknown,
    token?: string,
    more: Record<string, string> = {},
  ): Promise<Answer<T>> {
    const headers: Record<string, string> = { ...more }
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

  /** The administrator's factor is fresh again. */
  async refresh(): Promise<void> {
    this.admin = await this.logIn('ada@plant.example')
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

  /** Signs up, proves the address. A member that waits, unless a role lets it in by its domain. */
  async signUp(name: string, role = 'viewer'): Promise<string> {
    const email = `${name}@plant.example`
    const request = { email, name, password, role }
    const { body } = await this.ask<SignUpStarted>('POST', routes.signUp, request)
    const code = await this.mail.takeCode(email, /sign up/)
    await this.ask('POST', routes.verify, { email, code, signUp: body.signUp })
    return email
  }

  /** A member that has signed up and was approved: its second factor is the mailed code. */
  async mailedMember(name: string, role = 'viewer'): Promise<string> {
    const email = await this.signUp(name, role)
    await this.askAdmin('POST', at(routes.memberApprove, email), {})
    return email
  }

  /** Proves the address of a member that an administrator made. */
  async proveAddress(email: string): Promise<void> {
    await this.ask('POST', routes.verifySend, { email })
    const code = await this.mail.takeCode(email, /confirm your address/)
    await this.ask('POST', routes.verify, { email, code })
  }

  /** Adds an authenticator. */
  async addTotp(token: string): Promise<{ secret: string; recoveryCodes: string[] }> {
    const { body } = await this.ask<TotpEnrolment>('POST', routes.totp, undefined, token)
    const otp = totpCode(body.secret, this.now())
    const confirmed = await this.ask<RecoveryCodes>('POST', routes.totpConfirm, { otp }, token)
    return { secret: body.secret, ...confirmed.body }
  }

  now(): number {
    return this.options.now?.() ?? Date.now()
  }

  /** A connection of the test's own to the store. */
  async database(): Promise<Database> {
    this.#database ??= await openStore(this.options.store ?? join(this.options.dataDir, 'sealmq.db'))
    return this.#database
  }

  /** Waits until all mail is written. */
  async mailSettled(): Promise<void> {
    const store = await this.database()
    for (;;) {
      const waiting = await store.selectFrom('mails').select('id').limit(1).executeTakeFirst()
      if (!waiting) return
      await setTimeout(10)
    }
  }

  /** A device that has enrolled by a ticket. */
  async addDevice(name: string, ...roles: string[]): Promise<SenderCreated & { id: string; name: string }> {
    const { body: ticket } = await this.askAdmin<DeviceTicket>('POST', routes.devices, { name, roles })
    const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
    const request = { name, code: ticket.code, algorithm: 'ES256', publicKey: toBase64url(publicKey) }
    const { body } = await this.ask<SenderCreated>('POST', routes.enrol, request)
    return { ...body, id: ticket.id, name: ticket.name }
  }

  async addSender(token: string, name = 'installation'): Promise<SenderCreated> {
    const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
    const request = { name, algorithm: 'ES256', publicKey: toBase64url(publicKey) }
    return (await this.ask<SenderCreated>('POST', routes.senders, request, token)).body
  }

  async keyring(token: string): Promise<Keyring> {
    return (await this.ask<Keyring>('GET', routes.keyring, undefined, token)).body
  }

  async close(): Promise<void> {
    await this.#database?.destroy()
    this.#database = null
    await this.running.close()
  }
}

/** The path of a route with this id in it. */
export const at = (route: string, id: string | number) => route.replace(':id', encodeURIComponent(id))

/** What an authenticator app shows. */
export const totpCode = (secret: string, time: number): string =>
  new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: time })

/** Options that disturb nobody: free ports, a folder of its own, silence. */
export function testOptions(options: Partial<ServeOptions> = {}): ServeOptions {
  return {
    dataDir: mkdtempSync(join(tmpdir(), 'sealmq-server-')),
    http: { host: '127.0.0.1', port: 0 },
    mqtt: { host: '127.0.0.1', port: 0 },
    tls: null,
    store: null,
    broker: null,
    allowPlain: false,
    masterKey: null,
    logLevel: 'silent',
    name: null,
    // That of the machine is no subject of tests.
    diskSpace: async () => ({ free: 2 ** 40, total: 2 ** 41 }),
    ...options,
    // How long a refusal takes is the subject of one test only.
    identity: { failureTime: 0, importedFailureTime: 0, ...options.identity },
  }
}
