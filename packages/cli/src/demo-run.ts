import type { Identity } from '@sealmq/client'
import { connectAsync } from '@sealmq/client/node'
import mqtt from 'mqtt'

export interface DemoRun {
  publisher: Identity
  subscriber: Identity
  mqttUrl: string
  messages: number
  reading: (index: number) => string
  /** Called for the first messages with what each side saw. */
  shown: (index: number, sides: { wrote: string; carried: Uint8Array; read: string; by: string }) => void
}

export interface DemoResult {
  published: number
  carried: number
  opened: number
  verified: number
  rejected: number
  gaps: number
  /** Whether any carried envelope held a piece of what was written. */
  plaintextSeenByBroker: boolean
  overheadBytes: number
  messagesPerSecond: number
  latencyMs: { p50: number; p99: number }
}

const topic = 'iot/sensor'
const shownMessages = 3
/** Messages on their way at once. */
const inFlight = 64
/** So many bytes of a reading, found in an envelope, would be a leak. */
const canaryLength = 16

/** Publishes readings sealed, opens them, and watches the broker's side with an ordinary MQTT client. */
export async function runDemo(run: DemoRun): Promise<DemoResult> {
  const { publisher, subscriber, mqttUrl, messages, reading, shown } = run
  const wrote = new Map<number, { text: string; at: number }>()
  const envelopes: Buffer[] = []
  const latencies: number[] = []
  const result = { published: 0, carried: 0, opened: 0, verified: 0, rejected: 0, gaps: 0 }
  let overhead = 0
  let leaked = false
  const done = Promise.withResolvers<void>()
  const check = () => {
    if (result.opened + result.rejected >= messages && result.carried >= messages) done.resolve()
  }

  const watcher = await mqtt.connectAsync(mqttUrl, { ...subscriber.broker, clientId: 'demo-watcher' })
  const reader = await connectAsync({ identity: subscriber })
  const writer = await connectAsync({ identity: publisher })
  try {
    watcher.on('message', (_topic, payload) => {
      const index = result.carried++
      const source = wrote.get(index)?.text ?? ''
      if (index < shownMessages) envelopes[index] = payload
      overhead = Math.max(overhead, payload.length - Buffer.byteLength(source))
      leaked ||= holdsPiece(payload, source)
      check()
    })
    reader.on('message', (_topic, payload, _packet, sealed) => {
      const { text, at } = wrote.get(sealed.sequence)!
      latencies.push(performance.now() - at)
      const read = new TextDecoder().decode(payload)
      if (read !== text) result.rejected++
      else result.opened++
      if (sealed.verified === 'sender') result.verified++
      const index = sealed.sequence
      if (index < shownMessages && envelopes[index]) {
        shown(index, { wrote: text, carried: envelopes[index], read, by: sealed.memberName })
      }
      check()
    })
    reader.on('rejected', () => {
      result.rejected++
      check()
    })
    reader.on('gap', ({ count }) => {
      result.gaps += count
    })
    await watcher.subscribeAsync(topic, { qos: 1 })
    await reader.subscribeAsync(topic, { qos: 1 })

    const start = performance.now()
    let next = 0
    const publish = async () => {
      while (next < messages) {
        const index = next++
        const text = reading(index)
        wrote.set(index, { text, at: performance.now() })
        await writer.publishAsync(topic, text, { qos: 1 })
        result.published++
      }
    }
    await Promise.all(Array.from({ length: inFlight }, publish))
    await done.promise
    const seconds = (performance.now() - start) / 1000
    latencies.sort((a, b) => a - b)
    const percentile = (share: number) =>
      Number(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!.toFixed(2))
    return {
      ...result,
      plaintextSeenByBroker: leaked,
      overheadBytes: overhead,
      messagesPerSecond: Math.round(messages / seconds),
      latencyMs: { p50: percentile(0.5), p99: percentile(0.99) },
    }
  } finally {
    await Promise.all([writer.endAsync(), reader.endAsync(), watcher.endAsync()])
  }
}

function holdsPiece(envelope: Buffer, text: string): boolean {
  const bytes = Buffer.from(text)
  for (let at = 0; at + canaryLength <= bytes.length; at += canaryLength) {
    if (envelope.includes(bytes.subarray(at, at + canaryLength))) return true
  }
  return false
}
