import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { TOTP } from 'otpauth'
import { expect } from 'vitest'
import { Outbox } from './outbox.ts'
import { type Finished, Installation, serve, temporaryFolder } from './sealmq-process.ts'

/** An authority without a mail server, its administrator, and people with an installation each. */
export class People {
  readonly adminPassword = 'correct horse battery staple'
  /** Of everybody else. */
  readonly password = 'quiet river under seven bridges'
  readonly #data = temporaryFolder()
  readonly #installations: Installation[] = []
  readonly outbox: Outbox = new Outbox(this.#data)
  readonly admin: Installation = this.install()
  server = ''

  static async start(): Promise<People> {
    const people = new People()
    const { http, setupCode } = await serve(people.admin, people.#data, '--resend-seconds', '1')
    people.server = http
    const words = ['--code', setupCode!, '--name', 'Ada', ...people.passwordOf(people.admin, people.adminPassword)]
    expect(await people.admin.run('setup', ...people.at('ada@plant.example'), ...words)).toMatchObject({ code: 0 })
    return people
  }

  stop(): void {
    for (const installation of this.#installations) installation.stop()
  }

  install(): Installation {
    const installation = new Installation()
    this.#installations.push(installation)
    return installation
  }

  /** Flags that say where and who. */
  at(email: string): string[] {
    return ['--server', this.server, '--email', email]
  }

  /** The flag that gives a password. */
  passwordOf(installation: Installation, password = this.password): string[] {
    return ['--password-file', installation.passwordFile(password)]
  }

  logIn(installation: Installation, email: string, ...more: string[]): Promise<Finished> {
    return this.logInWith(this.password, installation, email, ...more)
  }

  logInWith(password: string, installation: Installation, email: string, ...more: string[]): Promise<Finished> {
    return installation.run('login', ...this.at(email), ...this.passwordOf(installation, password), ...more)
  }

  /** Signs in with the code that is mailed. */
  async logInByMail(installation: Installation, email: string): Promise<Finished> {
    const first = await this.admitted(() => this.logIn(installation, email))
    expect(first).toMatchObject({ code: 3, err: expect.stringMatching(/mailed.*--otp CODE.*\[otp-required\]/) })
    return this.logIn(installation, email, '--otp', await this.outbox.code(email))
  }

  /** Repeats what asks for a mail until the authority admits it: one a second for each person. */
  async admitted(run: () => Promise<Finished>): Promise<Finished> {
    for (;;) {
      const done = await run()
      if (!done.err.includes('[too-many-tries]')) return done
    }
  }

  /** A signed-in member without a second factor, made by the administrator. */
  async member(name: string, ...roles: string[]): Promise<{ person: Installation; email: string }> {
    const person = this.install()
    const email = `${name}@plant.example`
    const given = roles.flatMap((role) => ['--role', role])
    const words = ['--email', email, '--name', name, ...given, ...this.passwordOf(this.admin)]
    expect(await this.admin.run('users', 'create', ...words)).toMatchObject({ code: 0 })
    expect(await this.logIn(person, email)).toMatchObject({ code: 0 })
    return { person, email }
  }

  /** Somebody who has signed up and proved the address. */
  async signUp(name: string, role: string): Promise<{ person: Installation; email: string }> {
    const person = this.install()
    const email = `${name}@plant.example`
    const words = ['--name', name, '--role', role, ...this.passwordOf(person)]
    expect(await person.run('signup', ...this.at(email), ...words)).toMatchObject({
      code: 0,
      err: expect.stringContaining(`sealmq verify --server ${this.server} --email ${email} --code CODE`),
    })
    expect(await person.run('verify', ...this.at(email), '--code', await this.outbox.code(email))).toMatchObject({
      code: 0,
      err: expect.stringContaining('sealmq login'),
    })
    return { person, email }
  }

  /** Proves the address of an account that exists. */
  async proveAddress(person: Installation, email: string): Promise<void> {
    expect(await this.admitted(() => person.run('verify', ...this.at(email), '--resend'))).toMatchObject({ code: 0 })
    const code = await this.outbox.code(email)
    expect(await person.run('verify', ...this.at(email), '--code', code)).toMatchObject({ code: 0 })
  }

  /** Adds an authenticator. @returns the recovery codes, and a code of the step after the one that is used up */
  async addAuthenticator(person: Installation): Promise<{ recoveryCodes: string[]; nextCode: () => string }> {
    const { secret, uri } = json(await person.run('factor', 'add', 'totp', '--json')) as Record<string, string>
    expect(uri).toMatch(/^otpauth:\/\/totp\//)
    const totp = new TOTP({ secret: secret! })
    const confirmed = await person.run('factor', 'confirm', 'totp', '--otp', totp.generate(), '--json')
    const { recoveryCodes } = json(confirmed) as { recoveryCodes: string[] }
    expect(new Set(recoveryCodes).size).toBe(10)
    return { recoveryCodes, nextCode: () => totp.generate({ timestamp: Date.now() + 30_000 }) }
  }

  /** Changes the store, as if time had passed. */
  change(statement: string): void {
    const store = new DatabaseSync(join(this.#data, 'sealmq.db'))
    store.exec(statement)
    store.close()
  }

  /** Makes the factor of a person's sessions an old one. */
  age(email: string): void {
    const store = new DatabaseSync(join(this.#data, 'sealmq.db'))
    const ofMember = 'member_id = (SELECT id FROM members WHERE email = ?)'
    store.prepare(`UPDATE sessions SET factor_at = 0 WHERE ${ofMember}`).run(email)
    store.close()
  }
}

/** What a command printed with --json. */
export function json<T = unknown>({ code, out, err }: Finished): T {
  expect({ code, err }).toMatchObject({ code: 0 })
  return JSON.parse(out) as T
}
