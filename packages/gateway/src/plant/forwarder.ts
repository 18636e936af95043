import type { PublishOptions, SealedClient } from '@sealmq/client'
import { ClientError } from '@sealmq/client'
import { SealError } from '@sealmq/protocol'
import type { Counts, LogLimit } from '../counts.ts'
import type { Logger } from '../logger.ts'
import type { DurableQueue, QueuedMessage } from '../queue/durable-queue.ts'

export interface ForwarderOptions {
  queue: DurableQueue
  /** Null before the first connection. */
  client: () => SealedClient | null
  counts: Counts
  logger: Logger
  limit: LogLimit
}

/** Messages that wait for the broker's acknowledgement at most. */
const inFlightLimit = 250
/** At the limit, no more are taken before so few are left: one at a time would cost a wake-up each. */
const inFlightAgain = 200
/** Before what failed is tried again, ms. */
const pauseAfterFailure = 1_000

/**
 * Takes messages from the queue in their order, seals and publishes them, and removes them when the plant's broker has
 * acknowledged them. What may not be sealed now (no right, no fresh keys, no connection) stays and is tried again.
 */
export class Forwarder {
  readonly #options: ForwarderOptions
  readonly #inFlight = new Set<Promise<void>>()
  /** Topics that may not be published on now; their messages keep their order, so all of them wait. */
  readonly #held = new Set<string>()
  #running: Promise<void> = Promise.resolve()
  #ending = false
  #failed = false
  #changed: (() => void) | null = null

  constructor(options: ForwarderOptions) {
    this.#options = options
  }

  start(): void {
    this.#running = this.#run()
  }

  /** The connection or the rights have changed: what waited is tried. */
  retry(): void {
    if (this.#held.size > 0) this.#failed = true
    this.#changed?.()
    this.#options.queue.wake()
  }

  /** Takes no more; what is on its way is waited for that long, ms. */
  async stop(patience: number): Promise<void> {
    this.#ending = true
    this.retry()
    await this.#running
    const settled = Promise.allSettled(this.#inFlight)
    await Promise.race([settled, new Promise((resolve) => setTimeout(resolve, patience).unref())])
  }

  async #run(): Promise<void> {
    const { queue } = this.#options
    while (!this.#ending) {
      if (this.#failed) await this.#beginAnew()
      const client = this.#options.client()
      if (!client?.connected) {
        await this.#change(pauseAfterFailure)
        continue
      }
      if (this.#inFlight.size >= inFlightLimit) {
        await this.#change(pauseAfterFailure)
        continue
      }
      const message = await queue.take().catch((error) => this.#unreadable(error))
      if (message) this.#forward(client, message)
      else await queue.available()
    }
  }

  // Only when nothing is on its way any more: what failed must not overtake, nor be overtaken.
  async #beginAnew(): Promise<void> {
    do await this.#change(pauseAfterFailure)
    while (this.#inFlight.size > 0 && !this.#ending)
    if (this.#ending) return
    this.#failed = false
    this.#held.clear()
    this.#options.queue.rewind()
  }

  #forward(client: SealedClient, message: QueuedMessage): void {
    const { queue, counts } = this.#options
    if (this.#held.has(message.topic)) {
      queue.putBack(message.number)
      return
    }
    const channel = client.channelOf(message.topic)
    const age = queue.ageOf(message)
    const life = message.timeToLive ?? (channel?.kind === 'command' ? channel.maximumAge : null)
    if (life !== null && age >= life * 1000) {
      counts.expired++
      queue.remove(message.number)
      return
    }
    const isLate = channel?.kind === 'telemetry' && age > channel.maximumAge * 1000
    // Seconds to live count from the sealing.
    const left = life === null ? null : Math.max(1, Math.floor((life * 1000 - age) / 1000))
    const published = this.#publish(client, message, { age, timeToLive: left }).then(
      () => {
        counts.forwarded++
        if (isLate) counts.late++
        queue.remove(message.number)
      },
      (error) => this.#refused(message, error),
    )
    const settled = published.finally(() => {
      this.#inFlight.delete(settled)
      if (this.#inFlight.size <= inFlightAgain) this.#changed?.()
    })
    this.#inFlight.add(settled)
  }

  async #publish(
    client: SealedClient,
    message: QueuedMessage,
    { age, timeToLive }: { age: number; timeToLive: number | null },
  ): Promise<void> {
    const { topic, payload, retain, contentType } = message
    if (retain && payload.length === 0) return client.clearRetainedAsync(topic, { qos: 1 })
    const options: PublishOptions = { qos: 1, retain, age, origin: this.#options.queue.originOf(message) }
    if (timeToLive !== null) options.timeToLive = timeToLive
    if (contentType !== null) options.contentType = contentType
    await client.publishAsync(topic, payload, options)
  }

  #refused(message: QueuedMessage, error: unknown): void {
    const { queue, counts, logger, limit } = this.#options
    const { topic, number } = message
    const code = (error as { code?: string }).code ?? 'internal'
    if (isUnsealable(error)) {
      counts.unsealable++
      if (limit.admit(`unsealable ${topic}`))
        logger.error({ topic, code }, 'a message cannot be sealed and is given up')
      queue.remove(number)
      return
    }
    queue.putBack(number)
    if (error instanceof SealError && heldCodes.includes(error.code)) {
      this.#held.add(topic)
      if (limit.admit(`held ${topic}`))
        logger.error(
          { topic, code, reason: error.message },
          'messages are kept until this sender may publish on the topic',
        )
      return
    }
    if (!this.#ending && limit.admit(`failed ${code}`)) logger.warn({ topic, code }, 'not forwarded yet; tried again')
    this.#failed = true
  }

  #unreadable(error: unknown): null {
    const { logger, limit } = this.#options
    if (limit.admit('unreadable')) logger.error({ reason: String(error) }, 'the queue cannot be read; tried again')
    this.#failed = true
    return null
  }

  #change(longest: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, longest)
      this.#changed = () => {
        clearTimeout(timer)
        this.#changed = null
        resolve()
      }
    })
  }
}

const heldCodes: readonly string[] = ['not-permitted', 'unknown-key']

// What it is made of will not change by waiting.
const isUnsealable = (error: unknown) =>
  (error instanceof SealError && error.code === 'malformed') ||
  (error instanceof ClientError && error.code === 'payload-too-large')
