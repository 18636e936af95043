import type { MachineUser } from '../config/gateway-config.ts'
import { hashPassword, matchesHash, samePassword } from './password-hash.ts'

/** Wrong passwords in a row after which a name or an address waits. */
const triesBeforeWait = 5
/** The first wait, ms; each further wrong password doubles it. */
const firstWait = 10_000
const longestWait = 3_600_000
const keptNames = 10_000
/** Hashes that are computed at once: each takes 16 MiB and a thread. */
const hashesAtOnce = 2
const longestQueue = 50

interface Tries {
  wrong: number
  /** Monotonic, ms. */
  waitUntil: number
}

/**
 * Who may sign in at the listener. Wrong passwords are counted for (user, address): one machine with an old password shuts
 * out nobody else behind its address. Names that nobody has are counted for the address.
 */
export class SignIn {
  readonly #users: ReadonlyMap<string, MachineUser>
  readonly #monotonic: () => number
  readonly #tries = new Map<string, Tries>()
  readonly #decoy: Promise<string>
  #hashing = 0
  readonly #queue: (() => void)[] = []

  constructor(users: readonly MachineUser[], monotonic: () => number) {
    this.#users = new Map(users.map((user) => [user.user, user]))
    this.#monotonic = monotonic
    this.#decoy = hashPassword('')
  }

  /** The machine, or why it is none. Unknown names and wrong passwords look alike. */
  async check(name: string, password: Uint8Array, address: string): Promise<MachineUser | 'wrong' | 'wait'> {
    const user = this.#users.get(name)
    const counted = user ? `${address} ${name}` : address
    const now = this.#monotonic()
    if ((this.#tries.get(counted)?.waitUntil ?? 0) > now) return 'wait'
    if (user && 'password' in user.secret && samePassword(password, Buffer.from(user.secret.password))) {
      this.#tries.delete(counted)
      return user
    }
    // Counted before the hash is computed: many at once get no more tries than one after the other.
    this.#count(counted, now)
    // A wrong password costs the same for every name.
    const hash = user && 'hash' in user.secret ? user.secret.hash : await this.#decoy
    if (!(await this.#enter())) return 'wait'
    const isRight = await matchesHash(password, hash).finally(() => this.#leave())
    if (!user || !('hash' in user.secret) || !isRight) return 'wrong'
    this.#tries.delete(counted)
    return user
  }

  #count(key: string, now: number): void {
    const tries = this.#tries.get(key) ?? { wrong: 0, waitUntil: 0 }
    this.#tries.delete(key)
    tries.wrong++
    const over = tries.wrong - triesBeforeWait
    if (over >= 0) tries.waitUntil = now + Math.min(longestWait, firstWait * 2 ** Math.min(over, 20))
    this.#tries.set(key, tries)
    if (this.#tries.size > keptNames) this.#tries.delete(this.#tries.keys().next().value!)
  }

  async #enter(): Promise<boolean> {
    if (this.#hashing < hashesAtOnce) {
      this.#hashing++
      return true
    }
    if (this.#queue.length >= longestQueue) return false
    await new Promise<void>((resolve) => this.#queue.push(resolve))
    return true
  }

  #leave(): void {
    const next = this.#queue.shift()
    if (next) next()
    else this.#hashing--
  }
}
