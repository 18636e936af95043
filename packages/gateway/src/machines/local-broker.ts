import { setTimeout } from 'node:timers/promises'
import type { LocalBrokerConfig } from '../config/gateway-config.ts'
import type { Counts, LogLimit } from '../counts.ts'
import { GatewayError } from '../gateway-error.ts'
import type { Logger } from '../logger.ts'
import { type Handed, LocalConnection, LocalRefusal } from './local-connection.ts'
import type { ForMachines, Intake, MachineSide } from './machine-side.ts'

export interface LocalBrokerDeps {
  counts: Counts
  logger: Logger
  limit: LogLimit
  /** Monotonic, ms. */
  monotonic: () => number
}

const shortestWait = 500
const longestWait = 15_000
/** Messages for machines that wait for their broker at most; the oldest go first. */
const waitingLimit = 10_000
/** Between two looks whether the broker takes more, ms. */
const flushPause = 20

/** The broker that machines have already: the gateway is one of its clients. */
export class LocalBroker implements MachineSide {
  readonly #config: LocalBrokerConfig
  readonly #subscriptions: readonly { filter: string; qos: 0 | 1 }[]
  readonly #deps: LocalBrokerDeps
  readonly #stopped = new AbortController()
  #waiting: Handed[] = []
  #connection: LocalConnection | null = null
  #running: Promise<void> = Promise.resolve()
  #flushing = false

  constructor(
    config: LocalBrokerConfig,
    subscriptions: readonly { filter: string; qos: 0 | 1 }[],
    deps: LocalBrokerDeps,
  ) {
    this.#config = config
    this.#subscriptions = subscriptions
    this.#deps = deps
  }

  async start(intake: Intake): Promise<void> {
    const first = Promise.withResolvers<void>()
    this.#running = this.#run(intake, first)
    await first.promise
  }

  deliver(message: ForMachines, done: (delivered: boolean) => void): void {
    if (this.#stopped.signal.aborted) {
      done(false)
      return
    }
    this.#waiting.push({ message, done })
    if (this.#waiting.length > waitingLimit) this.#waiting.shift()!.done(false)
    this.#flush()
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#connection?.leave()
    await this.#running
    for (const { done } of this.#waiting.splice(0)) done(false)
  }

  address(): string {
    return this.#config.url
  }

  async #run(intake: Intake, first: PromiseWithResolvers<void>): Promise<void> {
    const { logger } = this.#deps
    let wait = shortestWait
    while (!this.#stopped.signal.aborted) {
      const { connection, closed } = this.#connect(intake)
      try {
        await connection.ready
        wait = shortestWait
        logger.info({ url: this.#config.url }, "connected to the machines' broker")
        first.resolve()
        this.#flush()
      } catch (error) {
        if (error instanceof LocalRefusal)
          first.reject(new GatewayError('machines-refused', `${this.#config.url}: ${error.message}.`))
      }
      const error = await closed
      this.#connection = null
      if (this.#stopped.signal.aborted) break
      logger.warn({ url: this.#config.url, reason: error?.message ?? 'closed' }, "the machines' broker is away")
      // Where it is only away, the gateway waits for it.
      first.resolve()
      await setTimeout(wait * (0.5 + Math.random() / 2), null, { signal: this.#stopped.signal }).catch(() => {})
      wait = Math.min(wait * 2, longestWait)
    }
    first.resolve()
  }

  #connect(intake: Intake): { connection: LocalConnection; closed: Promise<Error | null> } {
    const { counts, logger, limit, monotonic } = this.#deps
    const closed = Promise.withResolvers<Error | null>()
    const connection = new LocalConnection({
      config: this.#config,
      subscriptions: this.#subscriptions,
      intake,
      tooLarge: (topic) => {
        counts.malformed++
        if (limit.admit('too large')) logger.warn({ topic }, 'refused: larger than machines.broker.maximumPacketLength')
      },
      closed: (undelivered, error) => {
        this.#waiting.unshift(...undelivered)
        closed.resolve(error)
      },
      monotonic,
    })
    this.#connection = connection
    return { connection, closed: closed.promise }
  }

  #flush(): void {
    if (this.#flushing) return
    while (this.#waiting.length > 0 && this.#connection?.takes) {
      const handed = this.#waiting.shift()!
      const { deadline } = handed.message
      if (deadline !== null && this.#deps.monotonic() > deadline) handed.done(false)
      else this.#connection.deliver(handed)
    }
    if (this.#waiting.length === 0 || !this.#connection) return
    this.#flushing = true
    void setTimeout(flushPause).then(() => {
      this.#flushing = false
      this.#flush()
    })
  }
}
