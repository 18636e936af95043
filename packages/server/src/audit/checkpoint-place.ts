import type { AuditCheckpoint } from '@sealmq/protocol/api'
import type { Logger } from '../logger.ts'
import type { Schedule } from '../schedule.ts'

/** Between two tries, ms: 5 s, 10 s, 20 s … 10 min. @param failures in a row, from 1 */
const waitAfter = (failures: number): number => Math.min(5_000 * 2 ** (failures - 1), 600_000)
/** How long the end waits for a delivery under way, ms. */
const stopTime = 5_000

export interface CheckpointPlaceOptions {
  name: 'file' | 'webhook' | 'topic'
  deliver: (note: string) => Promise<void>
  /** Told of each failure. */
  failed: () => void
  schedule: Schedule
  logger: Logger
}

/**
 * A place outside the store where checkpoints go, so that nobody who has the store can take them back. One at a time; what
 * fails is tried again; while one waits a newer takes its place, because it says all that the older did.
 */
export class CheckpointPlace {
  readonly #options: CheckpointPlaceOptions
  #waiting: AuditCheckpoint | null = null
  #running: Promise<void> | null = null
  #failures = 0
  #cancelTimer = () => {}
  #stopped = false

  constructor(options: CheckpointPlaceOptions) {
    this.#options = options
  }

  get name(): string {
    return this.#options.name
  }

  /** Delivers in the background. A newer checkpoint does not wait for the next try of an older one. */
  publish(checkpoint: AuditCheckpoint): void {
    if (this.#stopped || checkpoint.size <= (this.#waiting?.size ?? -1)) return
    this.#waiting = checkpoint
    this.#run()
  }

  /** Lets what is under way end, for a while. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer()
    if (!this.#running) return
    const late = Promise.withResolvers<void>()
    const cancel = this.#options.schedule(late.resolve, stopTime)
    await Promise.race([this.#running, late.promise])
    cancel()
  }

  #run(): void {
    if (this.#running) return
    this.#cancelTimer()
    this.#running = this.#deliverAll().finally(() => {
      this.#running = null
    })
  }

  async #deliverAll(): Promise<void> {
    const { name, deliver, failed, schedule, logger } = this.#options
    while (this.#waiting) {
      const checkpoint = this.#waiting
      try {
        await deliver(checkpoint.note)
        this.#failures = 0
        if (this.#waiting === checkpoint) this.#waiting = null
      } catch (error) {
        this.#failures += 1
        failed()
        logger.warn(
          { place: name, size: checkpoint.size, failures: this.#failures, reason: reasonOf(error) },
          'a checkpoint was not published; it will be tried again',
        )
        if (this.#stopped) return
        this.#cancelTimer = schedule(() => this.#run(), waitAfter(this.#failures))
        return
      }
    }
  }
}

// The message of a failed connection names nothing; its cause has the code. No URL: it may hold a credential.
function reasonOf(error: unknown): string {
  const { message, code, cause } = error as Error & { code?: unknown; cause?: { code?: unknown } }
  // That of a time that ran out is a number, which tells nobody anything.
  return [cause?.code, code].find((value) => typeof value === 'string') ?? message
}
