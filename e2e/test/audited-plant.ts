import type { ChildProcess } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { expect } from 'vitest'
import { ended, type Finished, Installation, type Ready, serve, temporaryFolder } from './sealmq-process.ts'

/** An authority of its own process that stops and starts again at the same address, and people by the command line. */
export class AuditedPlant {
  /** Of everybody. */
  readonly password = 'quiet river under seven bridges'
  readonly #data = temporaryFolder()
  readonly #installations: Installation[] = []
  readonly admin: Installation = this.install()
  #running!: Ready & { child: ChildProcess }

  static async start(): Promise<AuditedPlant> {
    const plant = new AuditedPlant()
    plant.#running = await serve(plant.admin, plant.#data)
    const words = ['--code', plant.#running.setupCode!, '--name', 'Ada', ...plant.#passwordOf(plant.admin)]
    expect(await plant.admin.run('setup', ...plant.#at('ada@plant.example'), ...words)).toMatchObject({ code: 0 })
    return plant
  }

  stop(): void {
    for (const installation of this.#installations) installation.stop()
  }

  async stopAuthority(): Promise<void> {
    this.#running.child.kill('SIGTERM')
    await ended(this.#running.child)
  }

  async startAuthority(): Promise<void> {
    const { http, mqtt } = this.#running
    const words = ['--http', new URL(http).host, '--mqtt', new URL(mqtt).host]
    this.#running = await serve(this.admin, this.#data, ...words)
  }

  /** Does something to the store while the authority is stopped. */
  async tamper(work: (store: DatabaseSync) => void): Promise<void> {
    await this.stopAuthority()
    const store = new DatabaseSync(join(this.#data, 'sealmq.db'))
    work(store)
    store.close()
    await this.startAuthority()
  }

  install(): Installation {
    const installation = new Installation()
    this.#installations.push(installation)
    return installation
  }

  /** A signed-in member. */
  async member(name: string, role: string): Promise<Installation> {
    const person = this.install()
    const email = `${name}@plant.example`
    const words = ['--email', email, '--name', name, '--role', role, ...this.#passwordOf(this.admin)]
    expect(await this.admin.run('users', 'create', ...words)).toMatchObject({ code: 0 })
    expect(await this.logInWith(this.password, person, email)).toMatchObject({ code: 0 })
    return person
  }

  logInWith(password: string, person: Installation, email: string): Promise<Finished> {
    return person.run('login', ...this.#at(email), ...this.#passwordOf(person, password))
  }

  /** Everything that an installation keeps to itself. */
  secretsOf({ home }: Installation): string[] {
    const { session, identity } = JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8'))
    return [session.token, identity.token, identity.broker.password, identity.signingKey]
  }

  #at(email: string): string[] {
    return ['--server', this.#running.http, '--email', email]
  }

  #passwordOf(installation: Installation, password = this.password): string[] {
    return ['--password-file', installation.passwordFile(password)]
  }
}
