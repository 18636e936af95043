import { decideSubscribe } from '@sealmq/protocol'
import type { BrokerPolicy } from '../interface.ts'
import { decideWill } from './authorisation.ts'
import type { QueueLengths } from './queue-lengths.ts'
import type { SessionLimit } from './session-limit.ts'
import { type AedesPersistence, type StoredWill, type Subscription, sessionSender } from './session-store.ts'

export interface Governance {
  policy: BrokerPolicy
  queues: QueueLengths
  sessions: SessionLimit
  /** Rejects when the store fails. */
  publish: (will: StoredWill) => Promise<void>
  failed: (error: unknown) => void
}

/** Aedes' persistence, which keeps and gives back only what the authority's policy and limits allow. */
export function governPersistence(persistence: AedesPersistence, governance: Governance): AedesPersistence {
  const { policy, queues, sessions } = governance
  const stored = new WeakMap<Subscription[], Promise<void>>()
  const governed: Partial<AedesPersistence> = {
    async *streamWill(brokers) {
      await settleWills(persistence, governance, brokers)
      yield* []
    },
    // Aedes hands over all filters of a SUBSCRIBE, the refused ones too, once for each that is allowed.
    addSubscriptions(client, subscriptions) {
      const rights = policy.rights(sessionSender(client.id) ?? 0) ?? []
      const allowed = () => subscriptions.filter(({ topic }) => decideSubscribe(rights, topic).allowed)
      const storing = stored.get(subscriptions) ?? persistence.addSubscriptions(client, allowed())
      stored.set(subscriptions, storing)
      return storing
    },
    // Aedes asks this when a client connects that has a session (`clean` is false), and for nothing else.
    async subscriptionsByClient(client) {
      await sessions.use(client.id)
      return persistence.subscriptionsByClient(client)
    },
    async cleanSubscriptions(client) {
      await sessions.end(client.id)
      return persistence.cleanSubscriptions(client)
    },
    // The newest message is refused when a queue is full. Overlapping filters name a session more than once.
    outgoingEnqueueCombi(subscriptions, packet) {
      const ids = [...new Set(subscriptions.map(({ clientId }) => clientId))].filter((id) => queues.enter(id))
      const named = ids.map((clientId) => ({ clientId }))
      return persistence.outgoingEnqueueCombi(named, packet).catch((error: unknown) => {
        for (const id of ids) queues.leave(id)
        throw error
      })
    },
    // Aedes clears what may not be forwarded. Nothing may be while rights are not known: it is kept, and comes twice at worst.
    async outgoingClearMessageId(client, packet) {
      if (!policy.current) return undefined
      const cleared = await persistence.outgoingClearMessageId(client, packet)
      if (cleared) queues.leave(client.id)
      return cleared
    },
    // A client that is there gets a message that its full queue did not take; Aedes would end its connection.
    outgoingUpdate: (client, packet) =>
      persistence.outgoingUpdate(client, packet).catch((error: Error) => {
        if (error.message !== 'no such packet') throw error
      }),
  }
  return Object.assign(Object.create(persistence), governed)
}

/**
 * Publishes the wills of earlier starts, deletes those that are no longer allowed, and leaves none to Aedes: it would end
 * all its work on wills at the first that is refused or fails, with a rejection that nobody hears.
 */
async function settleWills(
  persistence: AedesPersistence,
  { policy, publish, failed }: Governance,
  brokers: object,
): Promise<void> {
  for await (const will of persistence.streamWill(brokers)) {
    if (!policy.current) return
    try {
      const sender = sessionSender(will.clientId)
      const rights = sender === null ? null : policy.rights(sender)
      // Under its old start's name and a new number, the message could take the place of one that is queued.
      if (rights && decideWill(rights, will.topic).allowed) await publish({ ...will, brokerId: '' })
      await persistence.delWill({ id: will.clientId })
    } catch (error) {
      failed(error)
    }
  }
}
