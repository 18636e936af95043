import type { KeyringErrorCode, OpenedMessage, SealErrorCode } from '@sealmq/protocol'
import type { IPublishPacket } from 'mqtt'

/** A message that was refused. Its payload is not given: it is not to be trusted. */
export interface Rejection {
  topic: string
  /** `clock-unknown`: whether it is fresh cannot be told, because the machine slept and the authority is away. */
  code: SealErrorCode | KeyringErrorCode
  message: string
  /** What the envelope's open header claims, if it could be read. */
  claimed: { sender: number; epoch: number; session: string; sequence: number; sealedAt: number } | null
  /** Rejections not emitted since the last one, because there were too many. */
  suppressed: number
  packet: IPublishPacket
}

export interface GapReport {
  topic: string
  sender: number
  senderName: string
  session: string
  /** Sequences of the sender's session that are missing, at most all of this range. */
  from: number
  to: number
  count: number
}

/** MQTT.js's events, and those that sealing adds. */
export interface ClientEvents {
  connect: []
  reconnect: []
  close: []
  offline: []
  end: []
  error: [error: Error]
  /** Payload as opened; the packet's payload is the envelope. */
  message: [topic: string, payload: Uint8Array, packet: IPublishPacket, sealed: OpenedMessage]
  /** What was given already, by this process or by one before it: sent again by the broker, or still retained there. */
  repeat: [topic: string, payload: Uint8Array, packet: IPublishPacket, sealed: OpenedMessage]
  rejected: [rejection: Rejection]
  gap: [gap: GapReport]
  /** A subscription that was cut to what is granted. */
  narrowed: [requested: string, filters: string[]]
  /** What this sender may do has changed. */
  rights: []
  /** Whether the authority can be reached. */
  authority: [state: 'online' | 'away']
}

type Listener<K extends keyof ClientEvents> = (...values: ClientEvents[K]) => void

/** Listeners by event. */
export type Listeners = { [K in keyof ClientEvents]?: Listener<K> }

/** Typed events that work alike in Node and browsers. An error nobody listens to is not thrown: it has been returned too. */
export class EventSource {
  readonly #listeners = new Map<keyof ClientEvents, Set<Listener<never>>>()

  on<K extends keyof ClientEvents>(event: K, listener: Listener<K>): this {
    const listeners = this.#listeners.get(event) ?? new Set()
    listeners.add(listener as Listener<never>)
    this.#listeners.set(event, listeners)
    return this
  }

  off<K extends keyof ClientEvents>(event: K, listener: Listener<K>): this {
    this.#listeners.get(event)?.delete(listener as Listener<never>)
    return this
  }

  once<K extends keyof ClientEvents>(event: K, listener: Listener<K>): this {
    const once: Listener<K> = (...values) => {
      this.off(event, once)
      listener(...values)
    }
    return this.on(event, once)
  }

  protected emit<K extends keyof ClientEvents>(event: K, ...values: ClientEvents[K]): void {
    const listeners = this.#listeners.get(event)
    if (!listeners) return
    for (const listener of [...listeners]) (listener as Listener<K>)(...values)
  }
}
