import type { PublishPacket } from 'aedes'
import type { ClassicLevel } from 'classic-level'
import type { QueueLengths } from './queue-lengths.ts'

/** The parts of aedes-persistence-level that are used here; it ships no types. */
export interface AedesPersistence {
  addSubscriptions(client: { id: string }, subscriptions: Subscription[]): Promise<void>
  subscriptionsByClient(client: { id: string }): Promise<Subscription[]>
  cleanSubscriptions(client: { id: string }): Promise<void>
  removeSubscriptions(client: { id: string }, topics: string[]): Promise<void>
  outgoingStream(client: { id: string }): AsyncIterable<{ topic: string; brokerId: string; brokerCounter: number }>
  outgoingEnqueueCombi(subscriptions: { clientId: string }[], packet: object): Promise<void>
  outgoingUpdate(client: { id: string }, packet: object): Promise<void>
  /** The message that was acknowledged, if it was queued. */
  outgoingClearMessageId(client: { id: string }, packet: object): Promise<object | undefined>
  /** Wills of all brokers but these. */
  streamWill(brokers: object): AsyncIterable<StoredWill>
  getWill(client: { id: string }): Promise<StoredWill | undefined>
  delWill(client: { id: string }): Promise<unknown>
}

/** A filter as it is stored. */
export interface Subscription {
  topic: string
}

/** A will as it is stored while its client is connected. */
export type StoredWill = PublishPacket & { clientId: string; brokerId: string }

/** The kinds of rows that a stored session has: those of aedes-persistence-level (asyncPersistence.js), and its last use. */
const sessionRows = ['subscriptions', 'outgoing', 'outgoing-id', 'incoming', 'will', 'session'] as const

/** Sessions are stored under the sender's name, so that nobody takes over another's by its client id. */
export const sessionId = (sender: number, clientId: string): string => `sender-${sender}/${clientId}`

/** The row of a session, or what its rows of this kind begin with. */
export const sessionRow = (kind: (typeof sessionRows)[number], id: string): string =>
  `${kind}:${encodeURIComponent(id)}`

/** The sender of a stored session, or null. */
export function sessionSender(id: string | undefined): number | null {
  const match = /^sender-([1-9][0-9]*)\//.exec(id ?? '')
  return match ? Number(match[1]) : null
}

/** What is stored of sessions: subscriptions, queued messages, wills. */
export class SessionStore {
  readonly #database: ClassicLevel<string, Buffer>
  readonly #persistence: AedesPersistence
  readonly #queues: QueueLengths

  constructor(database: ClassicLevel<string, Buffer>, persistence: AedesPersistence, queues: QueueLengths) {
    this.#database = database
    this.#persistence = persistence
    this.#queues = queues
  }

  /** Removes everything of a sender. */
  async purge(sender: number): Promise<void> {
    for (const id of await this.#sessions(sender)) {
      await this.#unsubscribe(id, () => true)
      this.#queues.clear(id)
    }
    for (const rows of sessionRows) await this.#database.clear(senderRange(rows, sender))
  }

  /** Removes everything of one session. */
  async purgeSession(id: string): Promise<void> {
    await this.#unsubscribe(id, () => true)
    this.#queues.clear(id)
    for (const rows of sessionRows) {
      const row = sessionRow(rows, id)
      await this.#database.del(row)
      await this.#database.clear({ gte: `${row}:`, lt: `${row};` })
    }
  }

  /** Removes subscriptions whose filter, and queued messages and wills whose topic, is no longer allowed. */
  async purgeRefused(
    sender: number,
    maySubscribe: (filter: string) => boolean,
    mayReceive: (topic: string) => boolean,
    mayPublish: (topic: string) => boolean,
  ): Promise<void> {
    for (const id of await this.#sessions(sender)) {
      await this.#unsubscribe(id, (filter) => !maySubscribe(filter))
      for await (const packet of this.#persistence.outgoingStream({ id })) {
        if (mayReceive(packet.topic)) continue
        this.#queues.leave(id)
        await this.#database.del(
          `${sessionRow('outgoing', id)}:${packet.brokerId}:${String(packet.brokerCounter).padStart(16, '0')}`,
        )
      }
    }
    for (const id of await this.#sessions(sender, ['will'])) {
      const will = await this.#persistence.getWill({ id })
      if (will && !mayPublish(will.topic)) await this.#persistence.delWill({ id })
    }
  }

  async #sessions(
    sender: number,
    kinds: (typeof sessionRows)[number][] = ['subscriptions', 'outgoing'],
  ): Promise<Set<string>> {
    const ids = new Set<string>()
    for (const rows of kinds) {
      for await (const key of this.#database.keys(senderRange(rows, sender))) {
        ids.add(decodeURIComponent(key.split(':')[1]!))
      }
    }
    return ids
  }

  async #unsubscribe(id: string, which: (filter: string) => boolean): Promise<void> {
    const subscriptions = await this.#persistence.subscriptionsByClient({ id })
    const topics = subscriptions.map(({ topic }) => topic).filter(which)
    if (topics.length > 0) await this.#persistence.removeSubscriptions({ id }, topics)
  }
}

// Client ids are percent-encoded in keys: all of a sender's begin with "sender-N%2F".
function senderRange(rows: string, sender: number) {
  return { gte: `${rows}:sender-${sender}%2F`, lt: `${rows}:sender-${sender}%2G` }
}
