import type { ClassicLevel } from 'classic-level'
import { sessionRow, sessionSender } from './session-store.ts'

export interface SessionLimitOptions {
  /** Of one sender. */
  maximum: number
  /** Ends the session's connection, if there is one, and removes all that is stored of it. */
  remove: (id: string) => Promise<void>
  /** The store failed. */
  failed: (error: unknown) => void
  /** ms. */
  now: () => number
}

/** The stored sessions of each sender in the order of their last use: of too many, the oldest is removed. */
export class SessionLimit {
  readonly #database: ClassicLevel<string, Buffer>
  readonly #options: SessionLimitOptions
  readonly #sessions = new Map<number, Set<string>>()
  readonly #removing = new Map<string, Promise<void>>()

  constructor(database: ClassicLevel<string, Buffer>, options: SessionLimitOptions) {
    this.#database = database
    this.#options = options
  }

  /** Reads what earlier starts have left. */
  async load(): Promise<void> {
    const rows: [key: string, lastUse: number][] = []
    for await (const [key, time] of this.#database.iterator({ gte: 'session:', lt: 'session;' })) {
      rows.push([key, Number(time)])
    }
    rows.sort(([, one], [, other]) => one - other)
    for (const [key] of rows) {
      const id = decodeURIComponent(key.slice('session:'.length))
      this.#of(id).add(id)
    }
  }

  /** A client connects with a session that is kept. */
  async use(id: string): Promise<void> {
    await this.#removing.get(id)
    const sessions = this.#of(id)
    sessions.delete(id)
    sessions.add(id)
    // Only the order over a restart rests on it: on a full disk a client still gets what is queued for it.
    const time = Buffer.from(String(this.#options.now()))
    await this.#database.put(sessionRow('session', id), time).catch(this.#options.failed)
    const [oldest] = sessions
    if (sessions.size <= this.#options.maximum || oldest === undefined) return
    sessions.delete(oldest)
    const removal = this.#options.remove(oldest).finally(() => this.#removing.delete(oldest))
    this.#removing.set(oldest, removal)
    await removal
  }

  /** A client connects without a session that is kept: one that it had ends. */
  async end(id: string): Promise<void> {
    if (this.#of(id).delete(id)) await this.#database.del(sessionRow('session', id))
  }

  #of(id: string): Set<string> {
    const sender = sessionSender(id) ?? 0
    const sessions = this.#sessions.get(sender) ?? new Set()
    this.#sessions.set(sender, sessions)
    return sessions
  }
}
