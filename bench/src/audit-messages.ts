import { setTimeout } from 'node:timers/promises'
import type { Bar } from './bars.ts'
import { type ProcessorTime, startAuthorityProcess } from './brokers.ts'
import { PeerProcess, type RunResult } from './peer-process.ts'
import { median, spread } from './statistics.ts'
import { auditedTopics } from './variants.ts'

/** With µs of processor time of the authority for a message. */
type AuditRun = RunResult & ProcessorTime
type Level = keyof typeof auditedTopics
const levels = Object.keys(auditedTopics) as Level[]

/** Messages/s that must be recorded beside the embedded broker, and for how long, ms. */
const wantedRate = 3000
const steadyDuration = 15_000
/** Bytes. */
const size = 256
const qos = 1

export interface AuditFigures {
  /** One a level, for the table. */
  rows: (string | number)[][]
  /** Every message to off, middle of the rounds. */
  ratio: number
  /** Messages/s for which the processor time of the event loop alone would be enough, every message recorded. */
  possible: number
  /** Messages/s that were published, and the most that waited for their record, at the wanted rate. */
  steadyRate: number
  mostWaiting: number
  waitingAtEnd: number
  skipped: number
  /** Messages published less messages recorded, of all runs. */
  missing: number
}

/** Rates of the embedded broker with every message recorded and with none, in turn; then the wanted rate for a while. */
export async function measureAudit(options: {
  rounds: number
  /** ms. */
  duration: number
  progress: (text: string) => void
}): Promise<AuditFigures> {
  const authority = await startAuthorityProcess()
  const peers = new Map<Level, { publisher: PeerProcess; subscriber: PeerProcess }>()
  try {
    for (const level of levels) {
      const settings = {
        variant: 'sealed+signed' as const,
        topic: auditedTopics[level],
        brokerUrl: authority.mqttUrl,
        originalKeys: { aes: '', hmac: '' },
      }
      peers.set(level, {
        publisher: await PeerProcess.connect('publisher', { ...settings, identity: authority.publisher }),
        subscriber: await PeerProcess.connect('subscriber', { ...settings, identity: authority.subscriber }),
      })
    }
    let recordable = 0
    const run = async (level: Level, duration: number, rate: number | null): Promise<AuditRun> => {
      const { publisher, subscriber } = peers.get(level)!
      const before = await authority.processorTime()
      const result = await PeerProcess.run(publisher, subscriber, { qos, size, duration, rate })
      if (level === 'every-message') recordable += result.sent
      await settled(authority.httpUrl)
      const after = await authority.processorTime()
      const each = (part: keyof ProcessorTime) => (after[part] - before[part]) / result.sent
      return { ...result, eventLoop: each('eventLoop'), all: each('all') }
    }
    const top = new Map<Level, AuditRun[]>(levels.map((level) => [level, []]))
    for (const level of levels) await run(level, options.duration / 2, null)
    for (let round = 0; round < options.rounds; round++) {
      options.progress(`round ${round + 1}`)
      const order = round % 2 === 0 ? levels : levels.toReversed()
      for (const level of order) top.get(level)!.push(await run(level, options.duration, null))
    }
    const skippedBefore = (await auditMetrics(authority.httpUrl)).skipped
    options.progress(`${wantedRate} messages/s for ${steadyDuration / 1000} s`)
    const steady = new Map<Level, AuditRun>()
    steady.set('off', await run('off', steadyDuration / 4, wantedRate))
    const watch = watchWaiting(authority.httpUrl)
    const begin = performance.now()
    steady.set('every-message', await run('every-message', steadyDuration, wantedRate))
    const { mostWaiting, waitingAtEnd } = await watch.end(begin + steadyDuration)
    const skipped = (await auditMetrics(authority.httpUrl)).skipped - skippedBefore
    const recorded = await countRecords(authority.administrator)
    const ratios = spread(top.get('every-message')!.map(({ rate }, round) => rate / top.get('off')![round]!.rate))
    return {
      rows: levels.map((level) => {
        const isOff = level === 'off'
        const { rate, p50, p99 } = steady.get(level)!
        const { median: middle, minimum, maximum } = isOff ? { median: 1, minimum: 1, maximum: 1 } : ratios
        const runs = top.get(level)!
        const figure = (name: 'rate' | 'eventLoop' | 'all') => median(runs.map((one) => one[name]))
        const ofTop = [figure('rate'), middle, minimum, maximum, figure('eventLoop'), figure('all')]
        return [level, ...ofTop, rate, p50, p99]
      }),
      ratio: ratios.median,
      possible: 1e6 / median(top.get('every-message')!.map(({ eventLoop }) => eventLoop)),
      steadyRate: steady.get('every-message')!.rate,
      mostWaiting,
      waitingAtEnd,
      skipped,
      missing: recordable - recorded - skippedBefore - skipped,
    }
  } finally {
    for (const { publisher, subscriber } of peers.values()) {
      publisher.end()
      subscriber.end()
    }
    await authority.stop()
  }
}

/** The bars of recording every message. */
export const auditBars = ({
  ratio,
  possible,
  steadyRate,
  mostWaiting,
  waitingAtEnd,
  skipped,
  missing,
}: AuditFigures): Bar[] => [
  { what: 'rate at full speed, every message to off', wanted: '≥ 0.5', measured: ratio, met: ratio >= 0.5 },
  {
    what: 'messages/s by the processor time of the event loop',
    wanted: `≥ ${wantedRate}`,
    measured: possible,
    met: possible >= wantedRate,
  },
  {
    what: `messages/s recorded beside the embedded broker, ${size} bytes, signed, QoS ${qos}`,
    wanted: `≥ ${wantedRate}`,
    measured: steadyRate,
    met: steadyRate >= wantedRate * 0.99,
  },
  { what: 'most that waited meanwhile', wanted: '≤ 6000', measured: mostWaiting, met: mostWaiting <= 6000 },
  { what: 'that waited in the last second', wanted: '≤ 3000', measured: waitingAtEnd, met: waitingAtEnd <= 3000 },
  { what: 'went by unrecorded at that rate', wanted: '0', measured: skipped, met: skipped === 0 },
  { what: 'published, neither recorded nor counted', wanted: '0', measured: missing, met: missing === 0 },
]

async function auditMetrics(httpUrl: string): Promise<{ waiting: number; skipped: number }> {
  const text = await (await fetch(`${httpUrl}/metrics`)).text()
  const value = (name: string) => Number(new RegExp(`^${name} (\\d+)$`, 'm').exec(text)?.[1])
  return { waiting: value('sealmq_audit_messages_waiting'), skipped: value('sealmq_audit_messages_skipped_total') }
}

/** Waits until nothing waits to be recorded, so that one run does not burden the next. */
async function settled(httpUrl: string): Promise<void> {
  while ((await auditMetrics(httpUrl)).waiting > 0) await setTimeout(50)
}

/** Looks five times a second how much waits. */
function watchWaiting(httpUrl: string) {
  let isEnded = false
  const seen: { at: number; waiting: number }[] = []
  const watching = (async () => {
    while (!isEnded) {
      seen.push({ at: performance.now(), waiting: (await auditMetrics(httpUrl)).waiting })
      await setTimeout(200)
    }
  })()
  return {
    /** @param until when publishing ended */
    end: async (until: number) => {
      isEnded = true
      await watching
      const last = seen.filter(({ at }) => at > until - 1000 && at <= until).map(({ waiting }) => waiting)
      return { mostWaiting: Math.max(...seen.map(({ waiting }) => waiting)), waitingAtEnd: Math.max(...last) }
    },
  }
}

/** Records of accepted messages, counted page by page. */
async function countRecords(administrator: { request<T>(method: string, path: string): Promise<T> }): Promise<number> {
  let count = 0
  for (let from: number | null = 0; from !== null; ) {
    const path = `/api/v1/audit/records?action=message.accept&limit=1000&from=${from}`
    const page: { records: unknown[]; next: number | null } = await administrator.request('GET', path)
    count += page.records.length
    from = page.next
  }
  return count
}
