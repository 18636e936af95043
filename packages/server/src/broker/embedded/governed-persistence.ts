import type { BrokerPolicy } from '../interface.ts'
import { decideWill } from './authorisation.ts'
import { type AedesPersistence, type StoredWill, sessionSender } from './session-store.ts'

export interface Governance {
  policy: BrokerPolicy
  /** Rejects when the store fails. */
  publish: (will: StoredWill) => Promise<void>
  failed: (error: unknown) => void
}

/** Aedes' persistence, which keeps and gives back only what the authority's policy allows. */
export function governPersistence(persistence: AedesPersistence, governance: Governance): AedesPersistence {
  const governed: Partial<AedesPersistence> = {
    async *streamWill(brokers) {
      await settleWills(persistence, governance, brokers)
      yield* []
    },
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
