import type { PublishPacket } from 'aedes'
import type { ClassicLevel } from 'classic-level'

/** The parts of aedes-persistence-level that are used here; it ships no types. */
export interface AedesPersistence {
  subscriptionsByClient(client: { id: string }): Promise<{ topic: string }[]>
  removeSubscriptions(client: { id: string }, topics: string[]): Promise<void>
  outgoingStream(client: { id: string }): AsyncIterable<{ topic: string; brokerId: string; brokerCounter: number }>
  /** Wills of all brokers but these. */
  streamWill(brokers: object): AsyncIterable<StoredWill>
  getWill(client: { id: string }): Promise<StoredWill | undefined>
  delWill(client: { id: string }): Promise<unknown>
}

/** A will as it is stored while its client is connected. */
export type StoredWill = PublishPacket & { clientId: string; brokerId: string }

/** The kinds of rows that a stored session has (aedes-persistence-level, asyncPersistence.js). */
const sessionRows = ['subscriptions', 'outgoing', 'outgoing-id', 'incoming', 'will'] as const

/** Sessions are stored under the sender's name, so that nobody takes over another's by its client id. */
export const sessionId = (sender: number, clientId: string): string => `sender-${sender}/${clientId}`

/** The sender of a stored session, or null. */
export function sessionSender(id: string | undefined): number | null {
  const match = /^sender-([1-9][0-9]*)\//.exec(id ?? '')
  return match ? Number(match[1]) : null
}

/** What is stored of sessions: subscriptions, queued messages, wills. */
export class SessionStore {
  readonly #database: ClassicLevel<string, Buffer>
  readonly #persistence: AedesPersistence

  constructor(database: ClassicLevel<string, Buffer>, persistence: AedesPersistence) {
    this.#database = database
    this.#persistence = persistence
  }

  /** Removes everything of a sender. */
  async purge(sender: number): Promise<void> {
    for (const id of await this.#sessions(sender)) {
      await this.#unsubscribe(id, () => true)
    }
    for (const rows of sessionRows) await this.#database.clear(senderRange(rows, sender))
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
      const name = encodeURIComponent(id)
      for await (const packet of this.#persistence.outgoingStream({ id })) {
        if (mayReceive(packet.topic)) continue
        await this.#database.del(
          `outgoing:${name}:${packet.brokerId}:${String(packet.brokerCounter).padStart(16, '0')}`,
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
