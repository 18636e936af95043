import { randomBytes } from 'node:crypto'
import type { Order, Report } from './peer-protocol.ts'
import { connectPeer, type Peer } from './variants.ts'

// A publisher or subscriber in a process of its own. The first 8 bytes of a payload are when it was handed over: the
// monotonic clock is one for all processes of a machine.

/** Messages that wait for their acknowledgement at most. */
const inFlight = 100
/** Messages that the subscriber may be behind at most, so that nothing piles up at QoS 0. */
const aheadLimit = 2000
/** The same at a given rate. */
const pacedAheadLimit = 6000
const progressStep = 250

let peer: Peer | null = null
let receivedSoFar = 0
/** All that wait for the subscriber wait for the same news. */
let progress = Promise.withResolvers<void>()
let subscription: Subscription | null = null

class Subscription {
  readonly latencies: number[] = []
  received = 0
  carried = 0
  first = 0n
  last = 0n
  expected = Number.POSITIVE_INFINITY
  readonly cpu = process.cpuUsage()
  readonly complete = Promise.withResolvers<void>()

  take(payload: Uint8Array, carried: number): void {
    const now = process.hrtime.bigint()
    if (this.received++ === 0) this.first = now
    this.last = now
    this.carried = carried
    const sentAt = Buffer.from(payload.buffer, payload.byteOffset, 8).readBigUInt64BE()
    this.latencies.push(Number(now - sentAt) / 1e6)
    if (this.received % progressStep === 0) report({ report: 'progress', received: this.received })
    this.check()
  }

  check(): void {
    if (this.received >= this.expected) this.complete.resolve()
  }
}

async function obey(order: Order): Promise<void> {
  if (order.order === 'connect') {
    peer = await connectPeer(order.settings, order.role)
    report({ report: 'done' })
  } else if (order.order === 'subscribe') {
    const current = new Subscription()
    subscription = current
    await peer!.subscribe(order.qos, (payload, carried) => current.take(payload, carried))
    report({ report: 'done' })
  } else if (order.order === 'publish') await publish(order)
  else if (order.order === 'progress') {
    receivedSoFar = order.received
    progress.resolve()
    progress = Promise.withResolvers()
  } else if (order.order === 'finish') await finish(order.sent)
  else {
    await peer?.end()
    process.disconnect()
  }
}

async function publish({ qos, size, duration, rate }: Extract<Order, { order: 'publish' }>): Promise<void> {
  receivedSoFar = 0
  const filler = randomBytes(size)
  const cpu = process.cpuUsage()
  const start = performance.now()
  const end = start + duration
  let sent = 0
  const send = () => {
    sent++
    const payload = Buffer.from(filler)
    payload.writeBigUInt64BE(process.hrtime.bigint())
    return peer!.publish(payload, qos)
  }
  if (rate === null) {
    const worker = async () => {
      while (performance.now() < end) {
        if (sent - receivedSoFar > aheadLimit) await progress.promise
        else await send()
      }
    }
    await Promise.all(Array.from({ length: inFlight }, worker))
  } else {
    const underWay: Promise<unknown>[] = []
    while (performance.now() < end) {
      const due = ((performance.now() - start) * rate) / 1000
      // What a slow machine does not take in time is not sent at all: the rate then shows it.
      while (sent < due && sent - receivedSoFar <= pacedAheadLimit) underWay.push(send())
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await Promise.all(underWay)
  }
  report({ report: 'published', sent, cpu: cpuSince(cpu) })
}

async function finish(sent: number): Promise<void> {
  const current = subscription!
  current.expected = sent
  current.check()
  await current.complete.promise
  const { received, latencies, carried, first, last, cpu } = current
  const used = cpuSince(cpu)
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!
  const rate = (received - 1) / (Number(last - first) / 1e9)
  await peer!.unsubscribe()
  report({ report: 'received', received, rate, p50: at(0.5), p99: at(0.99), carried, cpu: used })
}

/** µs of processor time, user and system, since then. */
function cpuSince(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before)
  return user + system
}

function report(message: Report): void {
  process.send!(message)
}

process.on('message', (order: Order) => {
  obey(order).catch((error: Error) => report({ report: 'failed', message: error.stack ?? error.message }))
})
process.on('uncaughtException', (error) => {
  report({ report: 'failed', message: error.stack ?? error.message })
  process.exit(1)
})
