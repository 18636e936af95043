import type { Server } from 'node:http'
import type { ChannelRights } from '@sealmq/protocol'

/** What a broker asks the authority; answered from memory. */
export interface BrokerPolicy {
  /** Whether rights are known. While they are not, nobody may do anything; nothing is purged for it. */
  readonly current: boolean
  /** The sender whose credential this is, or null. Constant-time. */
  authenticate(username: string, password: Uint8Array): { sender: number } | null
  /** What a sender may do now; null when unknown or revoked. */
  rights(sender: number): readonly ChannelRights[] | null
}

/** What a broker adapter can do. */
export interface BrokerCapabilities {
  /** 4 is MQTT 3.1.1, 5 is MQTT 5. */
  protocolVersions: number[]
  webSocket: boolean
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
}

/** A broker that carries sealed messages, as the authority governs it. Every adapter passes one contract suite. */
export interface Broker {
  readonly name: string
  readonly capabilities: BrokerCapabilities
  /** @throws StartError `port-in-use`, `address-unusable`, `data-locked` */
  start(): Promise<void>
  stop(): Promise<void>
  /** Serves MQTT over WebSocket at /mqtt of this HTTP server; foreign Origins are refused. */
  attachWebSocket(server: Server, ownOrigins: () => readonly string[]): void
  /** Drops its connections, subscriptions and everything queued for it. Idempotent. */
  removeSender(sender: number): Promise<void>
  /** Its rights changed: its connections are dropped, what it may no longer read is purged. Idempotent. */
  refreshSender(sender: number): Promise<void>
  /** Publishes what the authority itself says: retained, at QoS 1. Rejects when it is not stored. */
  publishOwn(topic: string, payload: string): Promise<void>
  connections(): BrokerConnection[]
  /** `mqtt://host:port` or `mqtts://host:port` as bound. */
  address(): string
}
