import type { Schedule } from './schedule.ts'

export interface RepeatedOptions {
  /** Between the end of one and the beginning of the next, ms. */
  interval: number
  work: () => Promise<void>
  /** Told why the work failed; it is done again all the same. */
  failed: (error: unknown) => void
  schedule: Schedule
}

/** Does something again and again, never twice at once. */
export class Repeated {
  readonly #options: RepeatedOptions
  #running: Promise<void> | null = null
  #cancelTimer = () => {}
  #stopped = false

  constructor(options: RepeatedOptions) {
    this.#options = options
  }

  /** The first time comes after the interval. */
  start(): void {
    if (this.#stopped) return
    const { schedule, interval } = this.#options
    this.#cancelTimer = schedule(() => {
      this.#running = this.#work().finally(() => this.start())
    }, interval)
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer()
    await this.#running
  }

  async #work(): Promise<void> {
    try {
      await this.#options.work()
    } catch (error) {
      this.#options.failed(error)
    }
  }
}
