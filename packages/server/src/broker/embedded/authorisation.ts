import { type ChannelRights, type Decision, decideDelivery, decidePublish, decideSubscribe } from '@sealmq/protocol'
import type { AedesOptions, AuthenticateError, Client } from 'aedes'
import type { Logger } from '../../logger.ts'
import type { BrokerPolicy } from '../interface.ts'
import { sessionId, sessionSender } from './session-store.ts'

type Hooks = Required<
  Pick<AedesOptions, 'preConnect' | 'authenticate' | 'authorizePublish' | 'authorizeSubscribe' | 'authorizeForward'>
>

const unavailable = 3
const badCredentials = 4
const notAuthorised = 5
/** Aedes publishes nothing with more. */
const maximumTopicLevels = 100

/** Whether a will on this topic may be published; as for any message, but Aedes looks at the levels of a PUBLISH only. */
export function decideWill(rights: readonly ChannelRights[], topic: string): Decision {
  if (topic.split('/').length > maximumTopicLevels) return { allowed: false, rule: 'The topic has too many levels.' }
  return decidePublish(rights, topic)
}

/**
 * Aedes' hooks, all of which allow everything unless set, by the authority's policy.
 * @param admitted Told of every client whose credential was right.
 */
export function authorisation(policy: BrokerPolicy, logger: Logger, admitted: (client: Client) => void): Hooks {
  const willTopics = new WeakMap<Client, string>()
  const decide = (
    sender: number | null,
    question: (rights: NonNullable<ReturnType<BrokerPolicy['rights']>>) => Decision,
  ) => {
    const rights = sender === null ? null : policy.rights(sender)
    return rights ? question(rights) : ({ allowed: false, rule: 'The sender is unknown or revoked.' } as const)
  }
  const refuse = (sender: number | null, action: string, topic: string, rule: string) =>
    logger.warn({ sender, action, topic, rule }, 'refused by the broker')

  return {
    // The client id becomes the sender's own before Aedes looks up a session by it.
    preConnect: (client, packet, done) => {
      if (packet.will) willTopics.set(client, packet.will.topic)
      const sender = sessionSender(`${packet.username ?? ''}/`)
      if (packet.clientId !== '') packet.clientId = sessionId(sender ?? 0, packet.clientId)
      else packet.clientId = sessionId(sender ?? 0, crypto.randomUUID())
      done(null, true)
    },
    authenticate: (client, username, password, done) => {
      if (!policy.current) {
        // Not "bad credentials", at which clients give up.
        done(connectionError('the rights are not known at the moment', unavailable), false)
        return
      }
      const known = policy.authenticate(username ?? '', password ?? new Uint8Array(0))
      if (!known || sessionSender(client.id) !== known.sender) {
        logger.warn({ address: addressOf(client) }, 'broker credential refused')
        done(connectionError('bad user name or password', badCredentials), false)
        return
      }
      const will = willTopics.get(client)
      if (will !== undefined) {
        const decision = decide(known.sender, (rights) => decideWill(rights, will))
        if (!decision.allowed) {
          refuse(known.sender, 'will', will, decision.rule)
          done(connectionError('will refused', notAuthorised), false)
          return
        }
      }
      admitted(client)
      done(null, true)
    },
    // MQTT 3.1.1 cannot refuse a single PUBLISH: the connection ends (4.8). Wills come here too.
    authorizePublish: (client, packet, done) => {
      const sender = sessionSender(client?.id ?? (packet as { clientId?: string }).clientId)
      const decision = decide(sender, (rights) => decidePublish(rights, packet.topic))
      if (decision.allowed) {
        done(null)
        return
      }
      refuse(sender, 'publish', packet.topic, decision.rule)
      done(new Error(decision.rule))
    },
    // null makes Aedes answer 0x80 for this filter and go on with the others (MQTT 3.1.1, 3.9.3).
    authorizeSubscribe: (client, subscription, done) => {
      const sender = sessionSender(client.id)
      const decision = decide(sender, (rights) => decideSubscribe(rights, subscription.topic))
      if (!decision.allowed) refuse(sender, 'subscribe', subscription.topic, decision.rule)
      done(null, decision.allowed ? subscription : null)
    },
    authorizeForward: (client, packet) => {
      const decision = decide(sessionSender(client.id), (rights) => decideDelivery(rights, packet.topic))
      return decision.allowed ? packet : null
    },
  }
}

function connectionError(message: string, returnCode: number): AuthenticateError {
  return Object.assign(new Error(message), { returnCode })
}

/** The peer's address, for the log. */
export function addressOf(client: Client): string {
  return client.req?.socket.remoteAddress ?? (client.conn as { remoteAddress?: string }).remoteAddress ?? 'unknown'
}
