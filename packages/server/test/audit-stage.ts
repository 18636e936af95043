import type { AuditAction, AuditActor, AuditRecord, AuditTarget } from '@sealmq/audit-log'
import { toBase64url } from '@sealmq/protocol'
import {
  type RecoveryCodes,
  routes,
  type SenderCreated,
  type SenderRequest,
  type Session,
  type TotpEnrolment,
} from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { sql } from 'kysely'
import { expect } from 'vitest'
import { insertMember, type NewMember, roleIds } from '../src/administration/members.ts'
import { hashPassword } from '../src/identity/passwords.ts'
import { startSession } from '../src/identity/sessions.ts'
import type { IdentitySettings } from '../src/identity/settings.ts'
import { type Answer, password, TestAuthority, totpCode } from './test-authority.ts'
import { hour, minute, TestClock } from './test-clock.ts'

/** Somebody with an account and, mostly, a session. */
export interface Player {
  id: string
  email: string
  token: string
  actor: AuditActor
  on: AuditTarget
}

/** A record as a test expects it; what is left out is as for the one who asks, done, on nothing. */
export type Expected = Partial<AuditRecord> & { action: AuditAction }

export const uuid = expect.stringMatching(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
export const system: Pick<AuditRecord, 'actor' | 'address' | 'request'> = {
  actor: { kind: 'system', member: null, sender: null, name: null, roles: [] },
  address: null,
  request: null,
}
export const stranger = (name: string | null = null): AuditActor => ({
  kind: 'stranger',
  member: null,
  sender: null,
  name,
  roles: [],
})
export const memberOn = (id: string, name: string): AuditTarget => ({ kind: 'member', id, name })
export const epochStart = (channel: string): Expected => ({
  action: 'epoch.start',
  on: { kind: 'channel', id: expect.any(String), name: channel },
  channel,
  detail: {
    epoch: expect.any(Number),
    suite: expect.any(String),
    kind: expect.any(String),
    signing: expect.any(String),
  },
})

/** The names under which a request or an answer holds what nobody else may read. */
const secretNames =
  /^(password|newPassword|code|otp|recoveryCodes?|token|knownDevice|signUp|secret|uri|epochKey|senderKey)$/

/** An authority whose log is read after each request, and that remembers every secret it has seen. */
export class AuditStage {
  readonly clock = new TestClock()
  readonly secrets = new Set<string>()
  authority!: TestAuthority
  ada!: Player
  /** Source address of the requests. */
  address = '198.51.100.1'
  #names = 0
  #hash: string | null = null
  #addresses = 0

  async open(store: string | null, identity: Partial<IdentitySettings> = {}): Promise<void> {
    this.authority = await TestAuthority.start({
      store,
      now: this.clock.now,
      trustProxy: true,
      identity: { addressTries: 100_000, addressRequests: 100_000, ...identity },
    })
    this.secrets.add(password)
    this.secrets.add(this.authority.running.setupCode!)
  }

  /** Makes the first administrator, and proves its address. */
  async setUp(): Promise<void> {
    const { token, me } = await this.done<Session>('POST', routes.setup, this.authority.setup())
    const { member: id, email } = me
    const actor: AuditActor = { kind: 'member', member: id, sender: null, name: email, roles: ['admin'] }
    this.ada = { id, email, token, actor, on: memberOn(id, email) }
    this.authority.admin = token
    await this.done('POST', routes.verify, { email, code: await this.code(email) })
  }

  /** Asks from the address of the stage, and remembers what is secret of request and answer. */
  async ask<T = unknown>(method: string, path: string, body?: unknown, token?: string): Promise<Answer<T>> {
    const answer = await this.authority.ask<T>(method, path, body, token, { 'x-forwarded-for': this.address })
    this.#remember(body)
    if (answer.status < 400) this.#remember(answer.body)
    return answer
  }

  /** Asks, and it must be done. */
  async done<T = unknown>(method: string, path: string, body?: unknown, token?: string): Promise<T> {
    const answer = await this.ask<T>(method, path, body, token)
    expect(answer.status, `${method} ${path}: ${JSON.stringify(answer.body)}`).toBeLessThan(300)
    return answer.body
  }

  /** A fresh factor for the administrator, and another source address. */
  async refresh(): Promise<void> {
    this.address = `198.51.100.${1 + (this.#addresses++ % 250)}`
    if (!this.ada) return
    this.ada.token = await this.logIn(this.ada.email)
    this.authority.admin = this.ada.token
  }

  async code(email: string, about?: RegExp): Promise<string> {
    const code = await this.authority.mail.takeCode(email, about)
    this.secrets.add(code)
    return code
  }

  async size(): Promise<number> {
    const store = await this.authority.database()
    return (await store.selectFrom('audit_log').select('size').executeTakeFirstOrThrow()).size
  }

  async recordsFrom(position: number): Promise<AuditRecord[]> {
    const store = await this.authority.database()
    const query = store.selectFrom('audit_records').select('record').where('position', '>=', position)
    return (await query.orderBy('position').execute()).map(({ record }) => JSON.parse(record) as AuditRecord)
  }

  /**
   * What is recorded while something is asked for, in full.
   * @param by who asks
   * @param only of actions that others record beside: the rest is not looked at
   */
  async expectRecords<T>(
    by: AuditActor,
    ask: () => Promise<T>,
    expected: readonly Expected[],
    only?: AuditAction,
  ): Promise<T> {
    const before = await this.size()
    const result = await ask()
    const records = (await this.recordsFrom(before)).filter(({ action }) => only === undefined || action === only)
    expect(records).toEqual(
      expected.map((one, index) => ({
        position: only === undefined ? before + index : expect.any(Number),
        time: this.clock.time,
        result: 'done',
        code: null,
        actor: by,
        address: this.address,
        request: uuid,
        on: null,
        channel: null,
        detail: {},
        ...one,
      })),
    )
    const requests = new Set(records.map(({ request }) => request).filter((request) => request !== null))
    expect(requests.size, 'requests that the records name').toBeLessThan(2)
    return result
  }

  newName(): string {
    return `person${++this.#names}`
  }

  /** A member with these roles, signed in; entered into the store, since hashing passwords takes its time. */
  async player(...roles: string[]): Promise<Player> {
    return this.#enter(roles, {})
  }

  /** A member whose second factor is the mailed code, signed in. */
  async mailedPlayer(): Promise<Player> {
    return this.#enter(['viewer'], { addressProvedAt: this.clock.time, emailFactor: true })
  }

  async #enter(roles: string[], more: Partial<NewMember>): Promise<Player> {
    this.#hash ??= await hashPassword(password)
    const name = this.newName()
    const email = `${name}@plant.example`
    const store = await this.authority.database()
    const now = this.clock.time
    return store.transaction().execute(async (transaction) => {
      const id = await insertMember(transaction, { signInName: email, name, password: this.#hash!, now, ...more })
      const rows = (await roleIds(transaction, roles)).map((role_id) => ({ member_id: id, role_id }))
      if (rows.length > 0) await transaction.insertInto('member_roles').values(rows).execute()
      const origin = { address: this.address, client: 'test' }
      const { token } = await startSession(transaction, id, { now, sessionTime: 12 * hour, origin })
      this.secrets.add(token).add(this.#hash!)
      const actor: AuditActor = { kind: 'member', member: id, sender: null, name: email, roles: roles.toSorted() }
      return { id, email, token, actor, on: memberOn(id, email) }
    })
  }

  async logIn(email: string, given: object = {}): Promise<string> {
    return (await this.done<Session>('POST', routes.login, { email, password, ...given })).token
  }

  /** A member with an authenticator. The last code that was used is a minute old. */
  async totpPlayer(...roles: string[]): Promise<Player & { otp: () => string; recoveryCodes: string[] }> {
    const player = await this.#enter(roles, { addressProvedAt: this.clock.time })
    const { secret } = await this.done<TotpEnrolment>('POST', routes.totp, undefined, player.token)
    const otp = () => totpCode(secret, this.clock.time)
    const confirm = { otp: otp() }
    const { recoveryCodes } = await this.done<RecoveryCodes>('POST', routes.totpConfirm, confirm, player.token)
    this.clock.move(minute)
    return { ...player, otp, recoveryCodes }
  }

  async addSender(token: string, name = 'gateway'): Promise<SenderCreated & SenderRequest> {
    const request = await senderRequest(name)
    return { ...request, ...(await this.done<SenderCreated>('POST', routes.senders, request, token)) }
  }

  /** Makes it impossible to append to the log, until it is asked to stop. */
  async stopRecording(): Promise<() => Promise<void>> {
    const store = await this.authority.database()
    const isPostgres = this.authority.options.store !== null
    if (isPostgres) {
      await sql`create function refuse() returns trigger language plpgsql as
        'begin raise exception ''no record''; end'`.execute(store)
      await sql`create trigger refuse before insert on audit_records execute function refuse()`.execute(store)
    } else {
      await sql`create trigger refuse before insert on audit_records
        begin select raise(abort, 'no record'); end`.execute(store)
    }
    return async () => {
      await sql.raw(`drop trigger refuse${isPostgres ? ' on audit_records' : ''}`).execute(store)
      if (isPostgres) await sql`drop function refuse()`.execute(store)
    }
  }

  /** All that the store holds, but counters of tries and when a session was last used. */
  async dump(): Promise<{ [table: string]: string[] }> {
    const store = await this.authority.database()
    const tables: { [table: string]: string[] } = {}
    for (const { name } of await store.introspection.getTables()) {
      if (name === 'tries') continue
      const { rows } = await sql<{ tries?: number; last_used_at?: number }>`select * from ${sql.table(name)}`.execute(
        store,
      )
      tables[name] = rows.map(({ tries: _tries, last_used_at: _used, ...row }) => JSON.stringify(row)).sort()
    }
    return tables
  }

  #remember(value: unknown, name = ''): void {
    if (typeof value === 'string' && value.length >= 6 && secretNames.test(name)) this.secrets.add(value)
    if (Array.isArray(value)) for (const item of value) this.#remember(item, name)
    else if (typeof value === 'object' && value !== null)
      for (const [key, inner] of Object.entries(value)) this.#remember(inner, key)
  }
}

/** A new installation as it asks to be entered. */
export async function senderRequest(name = 'gateway'): Promise<SenderRequest> {
  const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
  return { name, algorithm: 'ES256', publicKey: toBase64url(publicKey) }
}

/** The same secret as others would write it. */
export function formsOf(secret: string): string[] {
  const bytes = [Buffer.from(secret)]
  if (/^[\w-]{22,}$/.test(secret)) bytes.push(Buffer.from(secret, 'base64url'))
  const encoded = bytes.flatMap((form) => {
    // Base64 of something that begins with other bytes differs at both ends.
    const shifted = [1, 2].map((shift) =>
      Buffer.concat([Buffer.alloc(shift), form])
        .toString('base64')
        .slice(4, -4),
    )
    return [form.toString('hex'), form.toString('base64'), form.toString('base64url'), ...shifted]
  })
  return [...encoded.filter((form) => form.length >= 8), ...(/^\d{6}$/.test(secret) ? [] : [secret])]
}
