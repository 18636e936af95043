import type { Identity } from '@sealmq/client'
import { connectAsync } from '@sealmq/client/node'
import mqtt from 'mqtt'
import { type OriginalKeys, openOriginal, sealOriginal } from './original-construction.ts'

/** What is compared: plain MQTT.js, sealed, sealed and signed, and the original's construction. */
export const variants = ['plain', 'sealed', 'sealed+signed', 'original'] as const
export type Variant = (typeof variants)[number]
export type Qos = 0 | 1

/** One topic a variant. */
export const topics: Record<Variant, string> = {
  plain: 'bench/plain',
  original: 'bench/original',
  sealed: 'bench/sealed',
  'sealed+signed': 'bench/signed',
}

/** Topics of channels that are audited so. */
export const auditedTopics = { off: 'bench/audit-off', 'every-message': 'bench/audit-every-message' } as const

/** All that a peer needs to connect. */
export interface PeerSettings {
  variant: Variant
  brokerUrl: string
  identity: Identity
  /** In place of the variant's own. */
  topic?: string
  /** base64. */
  originalKeys: { aes: string; hmac: string }
}

/** A connection of one variant, alike for all of them. */
export interface Peer {
  publish(payload: Uint8Array, qos: Qos): Promise<unknown>
  /** @param received with the opened payload and the bytes that the broker carried */
  subscribe(qos: Qos, received: (payload: Uint8Array, carried: number) => void): Promise<void>
  unsubscribe(): Promise<void>
  end(): Promise<void>
}

/** Connects. Protocol version, session and keep-alive are the same for every variant. */
export async function connectPeer(settings: PeerSettings, role: 'publisher' | 'subscriber'): Promise<Peer> {
  const { variant } = settings
  return variant === 'sealed' || variant === 'sealed+signed' ? sealedPeer(settings, role) : plainPeer(settings, role)
}

async function sealedPeer(settings: PeerSettings, role: string): Promise<Peer> {
  const { variant, brokerUrl, identity, topic = topics[variant] } = settings
  const client = await connectAsync({ identity, brokerUrl, clientIdSuffix: `${role}-${topic}` })
  const verified = variant === 'sealed' ? 'channel' : 'sender'
  let received: ((payload: Uint8Array, carried: number) => void) | null = null
  client.on('message', (_topic, payload, packet, message) => {
    if (message.verified !== verified) throw new Error(`${variant}: verified is ${message.verified}`)
    received?.(payload, packet.payload.length)
  })
  client.on('rejected', ({ code }) => {
    throw new Error(`${variant}: a message was rejected: ${code}`)
  })
  return {
    publish: (payload, qos) => client.publishAsync(topic, payload, { qos }),
    subscribe: async (qos, listener) => {
      received = listener
      await client.subscribeAsync(topic, { qos })
    },
    unsubscribe: () => client.unsubscribeAsync(topic),
    end: () => client.endAsync(),
  }
}

async function plainPeer({ variant, brokerUrl, identity, originalKeys }: PeerSettings, role: string): Promise<Peer> {
  const client = await mqtt.connectAsync(brokerUrl, {
    ...identity.broker,
    protocolVersion: 4,
    clean: true,
    clientId: `${role}-${variant}`,
  })
  const topic = topics[variant]
  const keys: OriginalKeys = {
    aes: Buffer.from(originalKeys.aes, 'base64'),
    hmac: Buffer.from(originalKeys.hmac, 'base64'),
  }
  const isPlain = variant === 'plain'
  return {
    publish: (payload, qos) =>
      client.publishAsync(topic, isPlain ? (payload as Buffer) : sealOriginal(keys, payload), { qos }),
    subscribe: async (qos, received) => {
      client.removeAllListeners('message')
      client.on('message', (_topic, payload) =>
        received(isPlain ? payload : openOriginal(keys, payload.toString('latin1')), payload.length),
      )
      await client.subscribeAsync(topic, { qos })
    },
    unsubscribe: async () => {
      await client.unsubscribeAsync(topic)
    },
    end: () => client.endAsync(),
  }
}
