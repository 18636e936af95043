import type { ClassicLevel } from 'classic-level'

/**
 * How many messages are queued for each stored session. They are counted as they come and go, because the store cannot
 * tell without reading all of them.
 */
export class QueueLengths {
  readonly #maximum: number
  readonly #full: (id: string) => void
  readonly #lengths = new Map<string, number>()

  /** @param full Called when a message of a queue is refused, once until it is shorter again. */
  constructor(maximum: number, full: (id: string) => void) {
    this.#maximum = maximum
    this.#full = full
  }

  /** Counts what an earlier start has left. */
  async load(database: ClassicLevel<string, Buffer>): Promise<void> {
    for await (const key of database.keys({ gte: 'outgoing:', lt: 'outgoing;' })) {
      const id = decodeURIComponent(key.split(':')[1]!)
      this.#lengths.set(id, (this.#lengths.get(id) ?? 0) + 1)
    }
  }

  /** One more, unless the queue is full. */
  enter(id: string): boolean {
    const length = this.#lengths.get(id) ?? 0
    if (length === this.#maximum) this.#full(id)
    // One above the maximum stands for a full queue of which that was told.
    this.#lengths.set(id, Math.min(length, this.#maximum) + 1)
    return length < this.#maximum
  }

  leave(id: string, count = 1): void {
    const length = Math.min(this.#lengths.get(id) ?? 0, this.#maximum) - count
    if (length > 0) this.#lengths.set(id, length)
    else this.#lengths.delete(id)
  }

  clear(id: string): void {
    this.#lengths.delete(id)
  }
}
