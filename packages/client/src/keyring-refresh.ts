import { type HeldKeyring, KeyringError } from '@sealmq/protocol'
import { type AuthorityClient, AuthorityError } from './authority/authority-client.ts'
import { readChanges } from './authority/change-feed.ts'
import { ClientError } from './client-error.ts'
import type { TokenKeeper } from './identity.ts'

export interface KeyringRefreshOptions {
  authority: AuthorityClient
  keyring: HeldKeyring
  /** Null: the token is not renewed. */
  tokens: TokenKeeper | null
  /** Monotonic, ms. */
  monotonic: () => number
  /** The keyring was read anew. */
  refreshed: (changed: boolean) => void
  /** The authority was reached, or not. */
  reached: (state: 'online' | 'away') => void
  /** The authority says that this sender is revoked, or gave a keyring that must not be used. */
  refused: (error: ClientError | KeyringError) => void
}

const shortestWait = 500
const longestWait = 30_000
/** Between two readings because of a message that could not be opened, ms. */
const demandPause = 2_000
/** How long a message waits for such a reading, ms: everything behind it waits too. */
const longestHold = 1_000
/** After a message has waited, none does for so many times as long: who sends what nobody knows stops nothing by it. */
const holdRest = 20
/** Manifests are read anew at least so often, ms, so that leases never run out while the authority is there. */
const regularPause = 10 * 60_000

/** Keeps a keyring fresh: at once by the change feed, else by the clock, else on demand. */
export class KeyringRefresh {
  readonly #options: KeyringRefreshOptions
  readonly #ended = new AbortController()
  #running: Promise<void> | null = null
  #again = false
  #lastDemand = Number.NEGATIVE_INFINITY
  #holdAgainAt = Number.NEGATIVE_INFINITY
  #away = false
  #renewing: Promise<void> | null = null
  #timer: ReturnType<typeof setTimeout> | null = null

  constructor(options: KeyringRefreshOptions) {
    this.#options = options
  }

  /** Reads the keyring for the first time, then goes on by itself. */
  async start(): Promise<void> {
    await this.refresh()
    void this.#listen()
    this.#schedule()
  }

  stop(): void {
    this.#ended.abort()
    if (this.#timer) clearTimeout(this.#timer)
  }

  /** When nothing is renewed any more. */
  async renewed(): Promise<void> {
    await this.#renewing
  }

  /**
   * Reads the keyring; calls that come meanwhile share one further reading.
   * @throws ClientError, AuthorityError, KeyringError
   */
  refresh(): Promise<void> {
    if (this.#running) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#read().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  /**
   * Reads the keyring because a message came that it does not explain, and waits for it within bounds.
   * @returns whether it was read; at once false when that was done just now, when the authority is away, and when a
   *   message has waited not long ago
   */
  async demand(): Promise<boolean> {
    const { monotonic } = this.#options
    const now = monotonic()
    let reading = this.#running
    if (now - this.#lastDemand >= demandPause) {
      this.#lastDemand = now
      reading = this.refresh()
    }
    const read = reading?.then(
      () => true,
      () => false,
    )
    if (!read || this.#away || now < this.#holdAgainAt) return false
    const held = new AbortController()
    const tooLong = pause(longestHold, held.signal).then(() => false)
    const isRead = await Promise.race([read, tooLong])
    held.abort()
    this.#holdAgainAt = monotonic() + (monotonic() - now) * holdRest
    return isRead
  }

  async #read(): Promise<void> {
    const { authority, keyring, monotonic, refreshed, refused } = this.#options
    let wasReplaced = false
    do {
      this.#again = false
      try {
        const [askedAt, clockDifference] = [monotonic(), keyring.clockDifference()]
        const answer = await authority.keyring()
        const { changed } = await keyring.apply(answer, { askedAt, answeredAt: monotonic(), clockDifference })
        this.#reached('online')
        refreshed(changed)
        if (answer.renewAt !== undefined && answer.time >= answer.renewAt) this.#renew()
      } catch (error) {
        // Another process of this sender has renewed it since the token was read.
        if (error instanceof AuthorityError && error.code === 'credential-renewed' && !wasReplaced) {
          wasReplaced = true
          this.#again = true
          continue
        }
        if (error instanceof AuthorityError && error.status === 401 && error.code !== 'credential-renewed') {
          const revoked = new ClientError('revoked', error.code === 'credential-copied' ? error.message : undefined)
          refused(revoked)
          throw revoked
        }
        if (error instanceof KeyringError) refused(error)
        else this.#reached('away')
        throw error
      }
    } while (this.#again)
  }

  // What fails is tried again with the next reading: the token of now serves on.
  #renew(): void {
    const { authority, tokens } = this.#options
    this.#renewing ??= (tokens?.renew((next) => authority.renewToken(next)) ?? Promise.resolve())
      .catch(() => {})
      .finally(() => {
        this.#renewing = null
      })
  }

  #reached(state: 'online' | 'away'): void {
    this.#away = state === 'away'
    this.#options.reached(state)
  }

  #schedule(): void {
    if (this.#ended.signal.aborted) return
    this.#timer = setTimeout(() => {
      void this.refresh()
        .catch(() => {})
        .finally(() => this.#schedule())
    }, this.#pause())
    // A timer alone must not keep a Node process alive.
    ;(this.#timer as { unref?: () => void }).unref?.()
  }

  #pause(): number {
    const leases = this.#options.keyring.leases()
    return Math.min(regularPause, ...leases.map((lease) => (lease * 1000) / 4))
  }

  async #listen(): Promise<void> {
    const { authority, keyring } = this.#options
    let wait = shortestWait
    while (!this.#ended.signal.aborted) {
      await readChanges(
        authority,
        this.#ended.signal,
        () => {
          wait = shortestWait
          this.#reached('online')
        },
        (revision) => {
          if (revision !== keyring.revision) void this.refresh().catch(() => {})
        },
      ).catch(() => {})
      if (this.#ended.signal.aborted) return
      // The reading tells whether the authority is away, or has shown this sender out.
      await this.refresh().catch(() => {})
      if (this.#ended.signal.aborted) return
      await pause(wait * (0.5 + Math.random()), this.#ended.signal)
      wait = Math.min(wait * 2, longestWait)
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const stop = () => {
      clearTimeout(timer)
      resolve()
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal.addEventListener('abort', stop, { once: true })
  })
}
