import { afterAll, beforeAll, beforeEach } from 'vitest'
import type { ServeOptions } from '../src/index.ts'
import type { TestEngine } from './engines.ts'
import { TestAuthority } from './test-authority.ts'
import { TestClock } from './test-clock.ts'

/** One authority for the tests of a block, each with people of its own; the administrator's factor is fresh in each. */
export class SharedAuthority {
  readonly clock = new TestClock()
  authority!: TestAuthority
  #names = 0

  constructor(engine: TestEngine, options: Partial<ServeOptions> = {}) {
    beforeAll(async () => {
      const { addressTries = 100_000, addressRequests = 100_000, ...identity } = options.identity ?? {}
      this.authority = await TestAuthority.withAdministrator({
        store: await engine.newStore(),
        now: this.clock.now,
        trustProxy: true,
        ...options,
        identity: { addressTries, addressRequests, ...identity },
      })
    })
    beforeEach(() => this.refreshAdministrator())
    afterAll(() => this.authority.close())
  }

  async refreshAdministrator(): Promise<void> {
    this.authority.admin = await this.authority.logIn('ada@plant.example')
  }

  /** A name that no other test has. */
  newName(): string {
    return `person${++this.#names}`
  }

  /** The address of a new member that an administrator made. */
  async newMember(...roles: string[]): Promise<string> {
    const { email } = await this.authority.createMember(this.newName(), ...roles)
    return email
  }
}
