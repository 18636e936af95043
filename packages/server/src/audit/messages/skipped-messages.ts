import { system } from '../actors.ts'
import type { NewRecord } from '../append.ts'

/** Why something went by unrecorded. */
export type SkipReason =
  /** More came than can be checked and written. */
  | 'too-many'
  /** The store took nothing for too long. */
  | 'store'
  /** The check of messages ended, twice. */
  | 'check'
  /** No channel holds the topic. */
  | 'no-channel'
  /** The connection by which a broker apart shows its messages was away, or did not keep up: how many is not known. */
  | 'unobserved'
  /** Ours. */
  | 'internal'

interface Skipped {
  reason: SkipReason
  channel: string | null
  messages: number
  /** Connections and other things that are no messages. */
  events: number
  from: number
  to: number
}

/** What went by unrecorded and has not been said yet: how much, between which times, why. */
export class SkippedMessages {
  #skipped = new Map<string, Skipped>()
  /** Messages since the start. */
  total = 0

  /** @param channel its name @param time ms, when it happened @param messages 0: an event that is no message */
  add(reason: SkipReason, channel: string | null, time: number, messages = 1): void {
    this.total += messages
    this.#merge({ reason, channel, messages, events: messages === 0 ? 1 : 0, from: time, to: time })
  }

  /** Messages may have gone by between these times, ms; how many nobody knows. */
  addSpan(reason: SkipReason, from: number, to: number): void {
    this.#merge({ reason, channel: null, messages: 0, events: 0, from, to })
  }

  /** Gives it as records, and forgets it; `restore` takes it back when they could not be written. */
  take(): { records: NewRecord[]; restore: () => void } {
    const taken = [...this.#skipped.values()]
    this.#skipped = new Map()
    return {
      records: taken.map(({ reason, channel, messages, events, from, to }) => ({
        event: {
          action: 'message.skip',
          channel,
          detail: { messages, ...(events > 0 ? { events } : {}), from, to, reason },
        },
        origin: system,
      })),
      restore: () => {
        for (const skipped of taken) this.#merge(skipped)
      },
    }
  }

  get isEmpty(): boolean {
    return this.#skipped.size === 0
  }

  #merge(more: Skipped): void {
    const key = `${more.reason} ${more.channel}`
    const known = this.#skipped.get(key)
    if (!known) {
      this.#skipped.set(key, more)
      return
    }
    known.messages += more.messages
    known.events += more.events
    known.from = Math.min(known.from, more.from)
    known.to = Math.max(known.to, more.to)
  }
}
