import type { Broker } from '../broker/interface.ts'
import type { Logger } from '../logger.ts'
import type { Database } from '../store/schema.ts'

const longestWait = 30_000

/** Tells the broker what the store says it must hear, in order, until it has heard it; also after a restart. */
export class Outbox {
  readonly #store: Database
  readonly #broker: Broker
  readonly #logger: Logger
  #running: Promise<void> | null = null
  #again = false
  #timer: NodeJS.Timeout | null = null
  #wait = 250
  #stopped = false

  constructor(store: Database, broker: Broker, logger: Logger) {
    this.#store = store
    this.#broker = broker
    this.#logger = logger
  }

  /** Carries out all that waits; resolves when it is done or has failed and will be tried again by itself. */
  run(): Promise<void> {
    if (this.#running) {
      this.#again = true
      return this.#running
    }
    this.#running = this.#carryOut().finally(() => {
      this.#running = null
    })
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearTimeout(this.#timer)
    await this.#running
  }

  async #carryOut(): Promise<void> {
    try {
      do {
        this.#again = false
        await this.#carryOutWaiting()
      } while (this.#again)
      this.#wait = 250
    } catch (error) {
      this.#logger.warn({ error: String(error) }, 'the broker did not take a change; it will be tried again')
      if (this.#stopped) return
      this.#timer = setTimeout(() => void this.run(), this.#wait)
      this.#wait = Math.min(this.#wait * 2, longestWait)
    }
  }

  async #carryOutWaiting(): Promise<void> {
    for (;;) {
      const row = await this.#store.selectFrom('outbox').selectAll().orderBy('id').limit(1).executeTakeFirst()
      if (!row || this.#stopped) return
      if (row.action === 'remove-sender') await this.#broker.removeSender(row.sender)
      else await this.#broker.refreshSender(row.sender)
      await this.#store.deleteFrom('outbox').where('id', '=', row.id).execute()
    }
  }
}
