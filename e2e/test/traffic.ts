import { setTimeout } from 'node:timers/promises'
import type { GapReport, Listeners, SealedClient } from '@sealmq/client'
import { expect } from 'vitest'
import { until } from './gateway-plant.ts'

/** Messages that a sender has sent and whose acknowledgement it waits for. */
const inFlight = 4
/** ms after an acknowledgement: readers must keep up, or Mosquitto's queues overflow. */
const pause = 10

interface Writer {
  client: SealedClient
  sender: number
  /** The sequence acknowledged last. */
  last: number
}

const keyOf = (sender: number, sequence: number) => `${sender}/${sequence}`

/** Senders that publish at QoS 1 without an end, each in one session, and what was acknowledged to them. */
export class Traffic {
  /** `sender/sequence`. */
  readonly acknowledged = new Set<string>()
  readonly #topic: string
  readonly #writers: readonly Writer[]
  readonly #workers: Promise<unknown>
  #ending = false

  constructor(topic: string, writers: readonly { client: SealedClient; sender: number }[]) {
    this.#topic = topic
    this.#writers = writers.map((writer) => ({ ...writer, last: -1 }))
    this.#workers = Promise.all(
      this.#writers.flatMap((writer) => Array.from({ length: inFlight }, () => this.#work(writer))),
    )
    // Awaited wherever something is waited for.
    this.#workers.catch(() => {})
  }

  /** Waits until so many more were acknowledged. */
  async flow(messages: number): Promise<void> {
    const enough = this.acknowledged.size + messages
    await Promise.race([until(() => this.acknowledged.size >= enough), this.#workers])
  }

  /** Waits until a reader has opened something of every sender that was acknowledged after this call. */
  async reach(reader: TrafficReader): Promise<void> {
    const marks = this.#writers.map(({ sender, last }) => [sender, last + 2 * inFlight] as const)
    const isReached = () => marks.every(([sender, mark]) => reader.highest(sender) > mark)
    await Promise.race([until(isReached), this.#workers])
  }

  /** No more, but one message of every sender, behind all others: what is missing before it is told with it. */
  async end(readers: readonly TrafficReader[]): Promise<void> {
    this.#ending = true
    await this.#workers
    await Promise.all(this.#writers.map((writer) => this.#publish(writer)))
    await until(() =>
      readers.every((reader) => this.#writers.every(({ sender, last }) => reader.highest(sender) >= last)),
    )
  }

  /** What was acknowledged and not opened. */
  lostTo(reader: TrafficReader): string[] {
    return [...this.acknowledged].filter((key) => !reader.opened.has(key))
  }

  async #work(writer: Writer): Promise<void> {
    while (!this.#ending) {
      await this.#publish(writer)
      await setTimeout(pause)
    }
  }

  async #publish(writer: Writer): Promise<void> {
    const { sequence } = await writer.client.publishAsync(this.#topic, 'reading', { qos: 1 })
    this.acknowledged.add(keyOf(writer.sender, sequence))
    writer.last = Math.max(writer.last, sequence)
  }
}

/** What a reader of the traffic was given, over all its connections. */
export class TrafficReader {
  /** How often, by `sender/sequence`. */
  readonly opened = new Map<string, number>()
  readonly gaps: GapReport[] = []
  /** How often, by code. */
  readonly rejected = new Map<string, number>()
  closed = 0
  readonly #highest = new Map<number, number>()
  readonly listeners: Listeners = {
    message: (_topic, _payload, _packet, { sender, sequence }) => {
      const key = keyOf(sender, sequence)
      this.opened.set(key, (this.opened.get(key) ?? 0) + 1)
      this.#highest.set(sender, Math.max(this.highest(sender), sequence))
    },
    gap: (gap) => this.gaps.push(gap),
    rejected: ({ code, suppressed }) => this.rejected.set(code, (this.rejected.get(code) ?? 0) + 1 + suppressed),
    close: () => {
      this.closed++
    },
  }

  highest(sender: number): number {
    return this.#highest.get(sender) ?? -1
  }

  /** What was given more than once. */
  get twice(): string[] {
    return [...this.opened].filter(([, times]) => times > 1).map(([key]) => key)
  }

  /** Of some messages, those of which no gap told. */
  untold(keys: readonly string[]): string[] {
    return keys.filter((key) => {
      const [sender, sequence] = key.split('/').map(Number) as [number, number]
      return !this.gaps.some((gap) => gap.sender === sender && gap.from <= sequence && sequence <= gap.to)
    })
  }

  /** Nothing was given twice; nothing was refused but what came a second time. */
  checkOnce(): void {
    expect(this.twice, 'given twice').toEqual([])
    expect([...this.rejected.keys()].filter((code) => code !== 'replayed')).toEqual([])
  }
}
