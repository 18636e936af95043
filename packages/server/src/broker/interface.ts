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
  connections(): BrokerConnection[]
  /** `mqtt://host:port` or `mqtts://host:port` as bound. */
  address(): string
}
