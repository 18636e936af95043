import { addressGroup } from '../../identity/sign-in-name.ts'
import type { NewRecord } from '../append.ts'
import type { WaitingRecord } from './record-queue.ts'

/** ms. */
const minute = 60_000
/** Records of one kind by one sender or address in a minute. */
const maximumOfOne = 60
/** Senders that are told apart in a minute. */
const maximumSenders = 10_000
/** Of those who have no credential: addresses that are told apart in a minute, and records of them all. */
const maximumAddresses = 100
const maximumOfStrangers = 300

interface Limited {
  count: number
  /** The first of those that were not recorded by themselves. */
  template: NewRecord | null
  more: number
  from: number
  to: number
}

/** What anybody can cause as often as they like: so many a minute are recorded one by one, the rest as a count. */
export class LimitedEvents {
  readonly #events = new Map<string, Limited>()
  /** Keys that are addresses. */
  #addresses = 0
  #ofStrangers = 0
  #end: number

  /** @param now ms */
  constructor(now: number) {
    this.#end = now + minute
  }

  /** Whether the minute is over, or the clock was set back. */
  isOver(now: number): boolean {
    return now >= this.#end || now < this.#end - minute
  }

  /**
   * The record, when it is one of the first.
   * @param by sender or address @param time ms
   */
  take(by: string, record: NewRecord, time: number): WaitingRecord[] {
    const { action } = record.event
    const isStranger = record.origin.actor.kind === 'stranger'
    // Whoever has one IPv6 address has 2^64 of them.
    const own = `${action} ${isStranger ? addressGroup(by) : by}`
    const isRoom = isStranger
      ? this.#addresses < maximumAddresses
      : this.#events.size - this.#addresses < maximumSenders
    // Of so many addresses together there are no more than of one.
    const key = this.#events.has(own) || isRoom ? own : `${action} others`
    if (isStranger && key === own && !this.#events.has(own)) this.#addresses++
    const known = this.#events.get(key) ?? { count: 0, template: null, more: 0, from: time, to: time }
    this.#events.set(key, known)
    if (known.count < maximumOfOne && !(isStranger && this.#ofStrangers >= maximumOfStrangers)) {
      known.count++
      if (isStranger) this.#ofStrangers++
      return [{ record, time, messages: 0 }]
    }
    if (!known.template) {
      known.template = key === own ? summary(record) : nameless(summary(record))
      known.from = time
    }
    known.more++
    known.to = time
    return []
  }

  /** The counts of the minute; another one begins. @param now ms */
  finish(now: number): WaitingRecord[] {
    this.#end = now + minute
    const counts = [...this.#events.values()].flatMap(({ template, more, from, to }) =>
      template
        ? [
            {
              record: { ...template, event: { ...template.event, detail: { more, from, to } } },
              time: to,
              messages: template.event.action === 'message.refuse' ? more : 0,
            },
          ]
        : [],
    )
    this.#events.clear()
    this.#addresses = 0
    this.#ofStrangers = 0
    return counts
  }
}

// What it was done to differs from one to the next.
const summary = ({ event, origin }: NewRecord): NewRecord => ({
  event: { ...event, on: event.on?.kind === 'sender' ? event.on : null, channel: null },
  origin:
    origin.actor.kind === 'stranger' && origin.address !== null
      ? { ...origin, address: addressGroup(origin.address) }
      : origin,
})

const nameless = ({ event, origin }: NewRecord): NewRecord => ({
  event: { ...event, on: null },
  origin: {
    actor: { kind: 'stranger', member: null, sender: null, name: null, roles: [] },
    address: null,
    request: origin.request,
  },
})
