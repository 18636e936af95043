import type { Broker } from '../broker/interface.ts'
import type { Logger } from '../logger.ts'
import type { Database } from '../store/schema.ts'
import type { RightsSnapshot } from './rights.ts'

const shortestWait = 250
const longestWait = 30_000
/** ms that the clients wait for a broker that does not answer before they hear of a change. */
const longestSilence = 1000
/** Senders of which the broker is told together. */
const rowsAtOnce = 200

export interface OutboxOptions {
  store: Database
  rights: Pick<RightsSnapshot, 'reload' | 'invalidate'>
  broker: Pick<Broker, 'removeSender' | 'refreshSender' | 'refreshObserver'>
  /** Tells the clients of a new revision. */
  announce: (revision: number) => void
  logger: Logger
}

/**
 * Makes known what the store says: rights are read anew, the broker hears what it must, in order, and the clients that
 * something changed. It tries until it is done; also after a restart.
 */
export class Outbox {
  readonly #options: OutboxOptions
  #running: Promise<void> | null = null
  #again = false
  #revision: number | null = null
  #timer: NodeJS.Timeout | null = null
  #wait = shortestWait
  #stopped = false

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /**
   * Carries out all that waits; resolves when it is done or has failed and will be tried again by itself.
   * @param revision Of a change that was committed.
   */
  run(revision?: number): Promise<void> {
    if (revision !== undefined) this.#revision = Math.max(revision, this.#revision ?? 0)
    if (this.#running) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#stopped ? null : this.#carryOut()
    return this.#running ?? Promise.resolve()
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#running
  }

  async #carryOut(): Promise<void> {
    const { broker, logger } = this.#options
    if (this.#timer) clearTimeout(this.#timer)
    try {
      do {
        this.#again = false
        await this.#renewRights()
        // What the broker does not take must not keep the clients from new keys.
        const late = setInterval(() => this.#announce(), longestSilence)
        await this.#tell(broker).finally(() => {
          clearInterval(late)
          this.#announce()
        })
      } while (this.#again && !this.#stopped)
      this.#wait = shortestWait
    } catch (error) {
      logger.warn({ error: String(error) }, 'a change could not be carried out; it will be tried again')
      if (!this.#stopped) this.#timer = setTimeout(() => void this.run(), this.#wait)
      this.#wait = Math.min(this.#wait * 2, longestWait)
    } finally {
      // In the same turn as the last look at #again: a call that comes from here on begins a run of its own.
      this.#running = null
    }
  }

  async #renewRights(): Promise<void> {
    const { rights } = this.#options
    try {
      await rights.reload()
    } catch (error) {
      // Old rights may hold what was just revoked.
      rights.invalidate()
      throw error
    }
  }

  async #tell(broker: OutboxOptions['broker']): Promise<void> {
    const { store } = this.#options
    for (;;) {
      const rows = await store.selectFrom('outbox').selectAll().orderBy('id').limit(rowsAtOnce).execute()
      if (this.#stopped) return
      // After whoever lost a right.
      if (rows.length === 0) return broker.refreshObserver()
      // The last that is said of a sender counts, and removal before all: an id is never used again.
      const actions = new Map<number, (typeof rows)[number]['action']>()
      for (const { sender, action } of rows) if (actions.get(sender) !== 'remove-sender') actions.set(sender, action)
      await Promise.all(
        [...actions].map(([sender, action]) =>
          action === 'remove-sender' ? broker.removeSender(sender) : broker.refreshSender(sender),
        ),
      )
      const done = rows.map(({ id }) => id)
      await store.deleteFrom('outbox').where('id', 'in', done).execute()
    }
  }

  #announce(): void {
    if (this.#revision !== null) this.#options.announce(this.#revision)
    this.#revision = null
  }
}
