import type { NewRecord } from '../append.ts'
import type { SkippedMessages } from './skipped-messages.ts'

/** Records in a transaction. */
const batchLength = 500
/** How long a batch is tried, ms; a batch that the store takes never must not hold up all others for ever. */
const tryFor = 60_000
/** Between two tries, ms. */
const tryAgainAfter = 1000
/** Between two records of what was skipped, ms. */
const skipInterval = 1000

export interface RecordQueueOptions {
  /** Appends all of them or none; rejects when the store takes nothing. */
  append: (records: readonly NewRecord[]) => Promise<void>
  skipped: SkippedMessages
  /** A batch was not written; it is tried again unless it is given up. */
  failed: (error: unknown, givenUp: boolean) => void
  /** ms. */
  now: () => number
}

/** A record that waits, and what it stands for if it is never written. */
export interface WaitingRecord {
  record: NewRecord
  /** When it happened, ms. */
  time: number
  /** Messages that it tells of; 0 when of none. */
  messages: number
}

/** Records that wait to be appended, in the order in which they came, some hundreds in one transaction. */
export class RecordQueue {
  readonly #options: RecordQueueOptions
  #waiting: WaitingRecord[] = []
  #writing: Promise<void> | null = null
  #failedSince: number | null = null
  #nextTry = Number.NEGATIVE_INFINITY
  #lastSkip = Number.NEGATIVE_INFINITY

  constructor(options: RecordQueueOptions) {
    this.#options = options
  }

  get length(): number {
    return this.#waiting.length
  }

  /** Whether a batch is full. */
  get isDue(): boolean {
    return this.#waiting.length >= batchLength
  }

  add(records: readonly WaitingRecord[]): void {
    for (const record of records) this.#waiting.push(record)
  }

  /** Writes what waits; after a failure not before it is time for another try. */
  write(): Promise<void> {
    this.#writing ??= this.#writeAll(false).finally(() => {
      this.#writing = null
    })
    return this.#writing
  }

  /** Writes all that can be written, once. What cannot be is counted as skipped. */
  async stop(): Promise<void> {
    await this.#writing
    this.#nextTry = Number.NEGATIVE_INFINITY
    await this.#writeAll(true)
    for (const waiting of this.#waiting.splice(0)) this.#skip(waiting)
  }

  async #writeAll(isEnd: boolean): Promise<void> {
    const { skipped, now } = this.#options
    for (;;) {
      const isSkipDue = !skipped.isEmpty && (isEnd || Math.abs(now() - this.#lastSkip) >= skipInterval)
      if (this.#waiting.length === 0 && !isSkipDue) return
      // A clock that was set back must not keep it waiting.
      if (now() < this.#nextTry && this.#nextTry - now() <= tryAgainAfter) return
      if (!(await this.#writeBatch(isSkipDue))) return
    }
  }

  async #writeBatch(withSkipped: boolean): Promise<boolean> {
    const { append, skipped, now } = this.#options
    const batch = this.#waiting.slice(0, batchLength)
    const skips = withSkipped ? skipped.take() : null
    try {
      await append([...(skips?.records ?? []), ...batch.map(({ record }) => record)])
    } catch (error) {
      skips?.restore()
      this.#failed(error, batch)
      return false
    }
    this.#waiting.splice(0, batch.length)
    this.#failedSince = null
    if (skips) this.#lastSkip = now()
    return true
  }

  #failed(error: unknown, batch: readonly WaitingRecord[]): void {
    const { failed, now } = this.#options
    this.#nextTry = now() + tryAgainAfter
    this.#failedSince ??= now()
    const isGivenUp = Math.abs(now() - this.#failedSince) >= tryFor
    failed(error, isGivenUp)
    if (!isGivenUp) return
    this.#failedSince = null
    this.#waiting.splice(0, batch.length)
    for (const waiting of batch) this.#skip(waiting)
  }

  #skip({ record, time, messages }: WaitingRecord): void {
    this.#options.skipped.add('store', record.event.channel ?? null, time, messages)
  }
}
