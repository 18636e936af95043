import type { AuditActor, AuditValue } from '@sealmq/audit-log'
import type { AuditedChannel } from './message-directory.ts'
import type { WaitingRecord } from './record-queue.ts'

/** ms. */
const minute = 60_000
/** Pairs of sender and topic that are told apart in a minute. */
const maximumPairs = 10_000
/** Characters of their topics. */
const maximumLength = 4 * 1024 * 1024
/** Bytes of topics in one record. */
const recordLength = 16 * 1024

interface Count {
  messages: number
  bytes: number
}
/** What one sender has sent in one channel. */
interface Group {
  actor: AuditActor
  channel: AuditedChannel
  topics: Map<string, Count>
  /** Beyond the limits. */
  others: Count
}

/** Counts messages by sender and topic; once a minute they are told, and it begins anew. */
export class MinuteCounts {
  readonly #groups = new Map<string, Group>()
  #from: number
  #to: number
  #pairs = 0
  #length = 0

  /** @param now ms */
  constructor(now: number) {
    this.#from = now
    this.#to = endOfMinute(now)
  }

  /** Whether the minute is over, or the clock was set back. */
  isOver(now: number): boolean {
    return now >= this.#to || now < this.#from
  }

  /** @param topic as records show it @param length bytes */
  add(actor: AuditActor, channel: AuditedChannel, topic: string, length: number): void {
    const key = `${actor.sender} ${channel.id}`
    let group = this.#groups.get(key)
    if (!group) {
      group = { actor, channel, topics: new Map(), others: { messages: 0, bytes: 0 } }
      this.#groups.set(key, group)
    }
    const count = group.topics.get(topic) ?? this.#enter(group, topic)
    count.messages++
    count.bytes += length
  }

  /** The channels of which something was counted. */
  get channels(): AuditedChannel[] {
    return [...this.#groups.values()].map(({ channel }) => channel)
  }

  /**
   * The counts as records, of all channels or of these only; what is given is forgotten.
   * @param now ms
   */
  take(now: number, which: (channel: AuditedChannel) => boolean = () => true): WaitingRecord[] {
    const from = this.#from
    const to = now < from ? from : Math.min(now, this.#to)
    const records: WaitingRecord[] = []
    for (const [key, group] of this.#groups) {
      if (!which(group.channel)) continue
      records.push(...recordsOf(group, from, to))
      this.#pairs -= group.topics.size
      for (const topic of group.topics.keys()) this.#length -= topic.length
      this.#groups.delete(key)
    }
    return records
  }

  /** Begins the minute of this time. @param now ms */
  begin(now: number): void {
    this.#from = now < this.#from ? now : Math.max(this.#to, endOfMinute(now) - minute)
    this.#to = endOfMinute(now)
  }

  #enter(group: Group, topic: string): Count {
    if (this.#pairs >= maximumPairs || this.#length + topic.length > maximumLength) return group.others
    const count = { messages: 0, bytes: 0 }
    group.topics.set(topic, count)
    this.#pairs++
    this.#length += topic.length
    return count
  }
}

const endOfMinute = (time: number) => (Math.floor(time / minute) + 1) * minute

function recordsOf({ actor, channel, topics, others }: Group, from: number, to: number): WaitingRecord[] {
  const chunks: { topics: AuditValue[]; messages: number }[] = [{ topics: [], messages: 0 }]
  let length = 0
  for (const [topic, { messages, bytes }] of topics) {
    const entry = { topic, messages, bytes }
    const entryLength = Buffer.byteLength(JSON.stringify(entry))
    let chunk = chunks.at(-1)!
    if (length + entryLength > recordLength && chunk.topics.length > 0) {
      chunk = { topics: [], messages: 0 }
      chunks.push(chunk)
      length = 0
    }
    chunk.topics.push(entry)
    chunk.messages += messages
    length += entryLength
  }
  return chunks.map((chunk, index) => {
    const isLast = index === chunks.length - 1
    const otherTopics = isLast && others.messages > 0 ? { otherTopics: { ...others } } : {}
    return {
      record: {
        event: {
          action: 'message.count',
          channel: channel.name,
          on: { kind: 'channel', id: channel.id, name: channel.name },
          detail: { from, to, topics: chunk.topics, ...otherTopics },
        },
        origin: { actor, address: null, request: null },
      },
      time: to,
      messages: chunk.messages + (isLast ? others.messages : 0),
    }
  })
}
