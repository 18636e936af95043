import type { Server } from 'node:http'
import type { ChannelRights } from '@sealmq/protocol'
import type { BrokerCheck } from '@sealmq/protocol/api'

/** What a broker asks the authority; answered from memory. */
export interface BrokerPolicy {
  /** Whether rights are known. While they are not, nobody may do anything; nothing is purged for it. */
  readonly current: boolean
  /** The sender whose credential this is, or null. Constant-time. */
  authenticate(username: string, password: Uint8Array): { sender: number } | null
  /** What a sender may do now; null when unknown or revoked. */
  rights(sender: number): readonly ChannelRights[] | null
}

/** What a broker adapter can do; whatever it says, nobody is given what the rights do not allow. */
export interface BrokerCapabilities {
  /** 4 is MQTT 3.1.1, 5 is MQTT 5. */
  protocolVersions: readonly number[]
  webSocket: boolean
  /** Connections of a sender are ended at once. */
  kick: boolean
  /** New rights count for connections that are open, without a new one. */
  liveChange: boolean
  /**
   * What was queued for a sender that is removed is removed from the broker's store, or stays there until the session
   * expires and is given to nobody.
   */
  purge: 'removed' | 'withheld'
  /** Client ids are each sender's own; else whoever uses another's ends its connection and takes its session. */
  ownClientIds: boolean
  /** A publication without the right ends the connection, or is answered with a reason code (MQTT 5; nothing in 3.1.1). */
  refusedPublish: 'connection-ends' | 'reason-code'
  /** A will without the right: the connection is refused, or the will is not published when it ends. */
  refusedWill: 'connection-refused' | 'not-published'
  /** It runs in a process of its own: it may be away, and changes reach it later. */
  apart: boolean
}

/** One connection that is open now. */
export interface BrokerConnection {
  sender: number
  clientId: string
  address: string
  /** Authority time, ms. */
  since: number
}

/** A message that a broker has taken; not what it publishes of its own. */
export interface AcceptedMessage {
  /** Whose connection it came by; null where the broker does not tell. */
  sender: number | null
  topic: string
  /** Nobody changes it afterwards. */
  payload: Uint8Array
  qos: number
  retain: boolean
  /** Authority time, ms. */
  time: number
}

/** A message or a will that the policy does not allow. */
export interface RefusedMessage {
  sender: number | null
  address: string | null
  kind: 'publish' | 'will'
  topic: string
  /** One sentence. */
  rule: string
  /** Authority time, ms. */
  time: number
}

/** A connection without the credential of a living sender. */
export interface RefusedConnection {
  address: string
  /** As it was given; it may be anything. */
  username: string
  /** Authority time, ms. */
  time: number
}

/** Is told by an adapter what happens at its broker. Every method returns at once, and none throws. */
export interface BrokerWitness {
  observe(message: AcceptedMessage): void
  refused(refusal: RefusedMessage): void
  connectionOpened(connection: BrokerConnection): void
  /** @param time authority time, ms */
  connectionClosed(connection: BrokerConnection, time: number): void
  connectionRefused(refusal: RefusedConnection): void
  /** Messages may have gone by unseen between these times (authority time, ms). */
  unobserved(from: number, to: number): void
}

/** What is known of a broker at the moment. */
export interface BrokerState {
  connected: boolean
  /** What the broker says that it is. */
  version: string | null
  /**
   * `in-force`: the broker has what the store says, as it was read there. `mending`: it is being brought to that.
   * `drifted`: it has something else, and only reports were asked for. `unknown`: it is away, or could not be read.
   */
  rights: 'in-force' | 'mending' | 'drifted' | 'unknown'
  /** When it was last read as a whole, authority time, ms. */
  readAt: number | null
  /** What differed when it was last read as a whole, a sentence each; at most a hundred of them. */
  drift: string[]
  /** How many there were. */
  drifted: number
  /** Senders that cannot connect, because only the hash of their password is there. */
  withoutPassword: number
  /** What somebody should look after, a sentence each. */
  warnings: string[]
}

/** A broker that carries sealed messages, as the authority governs it. Every adapter passes one contract suite. */
export interface Broker {
  readonly name: 'embedded' | 'mosquitto'
  readonly capabilities: BrokerCapabilities
  /** @throws StartError `port-in-use`, `address-unusable`, `data-locked`, `broker-…` */
  start(): Promise<void>
  stop(): Promise<void>
  /** Serves MQTT over WebSocket at /mqtt of this HTTP server; foreign Origins are refused. */
  attachWebSocket(server: Server, ownOrigins: () => readonly string[]): void
  /**
   * Drops its connections and subscriptions; what is queued for it is given to nobody. Idempotent.
   * @throws Error when the broker is away: to be repeated
   */
  removeSender(sender: number): Promise<void>
  /**
   * A new sender, or one whose rights changed: what it may from now on is in force; where that is another thing than before,
   * its connections are dropped, and what it may no longer read is not given to it. Idempotent.
   * @throws Error when the broker is away: to be repeated
   */
  refreshSender(sender: number): Promise<void>
  /**
   * Which messages must be witnessed may be others than before, by what the store says. Idempotent.
   * @throws Error when the broker is away: to be repeated
   */
  refreshObserver(): Promise<void>
  /** Publishes what the authority itself says: retained, at QoS 1. Rejects when it is not stored. */
  publishOwn(topic: string, payload: string): Promise<void>
  connections(): BrokerConnection[]
  /** Ends the connections of a sender and leaves its rights; only there where the broker can do that. Idempotent. */
  disconnectSender?(sender: number): Promise<void>
  /** `mqtt://host:port` or `mqtts://host:port` for clients. */
  address(): string
  state(): BrokerState
  /** Reads the whole broker and brings it to what the store says. Resolves when it has that, as it was read there. */
  reconcile(): Promise<void>
  /** Tries as clients of each role what the broker lets them do. @throws Error when the broker is away */
  check(): Promise<BrokerCheck>
}
