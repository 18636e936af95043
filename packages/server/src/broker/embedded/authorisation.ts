import { type ChannelRights, type Decision, decideDelivery, decidePublish, decideSubscribe } from '@sealmq/protocol'
import type { AedesOptions, AuthenticateError, Client } from 'aedes'
import type { Logger } from '../../logger.ts'
import type { BrokerPolicy, BrokerWitness } from '../interface.ts'
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

/** What the hooks decide by, and who is told. */
export interface AuthorisationOptions {
  policy: BrokerPolicy
  logger: Logger
  witness: BrokerWitness | undefined
  /** Told of every client whose credential was right. */
  admitted: (client: Client) => void
  /** ms. */
  now: () => number
}

/** Aedes' hooks, all of which allow everything unless set, by the authority's policy. */
export function authorisation({ policy, logger, witness, admitted, now }: AuthorisationOptions): Hooks {
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
  const refuseMessage = (
    kind: 'publish' | 'will',
    sender: number | null,
    client: Client | null,
    topic: string,
    rule: string,
  ) => {
    refuse(sender, kind, topic, rule)
    witness?.refused({ sender, address: client && addressOf(client), kind, topic, rule, time: now() })
  }

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
        witness?.connectionRefused({ address: addressOf(client), username: username ?? '', time: now() })
        done(connectionError('bad user name or password', badCredentials), false)
        return
      }
      const will = willTopics.get(client)
      if (will !== undefined) {
        const decision = decide(known.sender, (rights) => decideWill(rights, will))
        if (!decision.allowed) {
          refuseMessage('will', known.sender, client, will, decision.rule)
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
      // A PUBLISH as it came is a packet; a will is not.
      const kind = (packet as { cmd?: string }).cmd === 'publish' ? 'publish' : 'will'
      refuseMessage(kind, sender, client, packet.topic, decision.rule)
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
