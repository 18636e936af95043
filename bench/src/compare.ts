import { PeerProcess, type RunResult } from './peer-process.ts'
import { median, type Spread, spread } from './statistics.ts'
import { type PeerSettings, type Qos, type Variant, variants } from './variants.ts'

/** One cell of the table: a broker, a size, a quality of service. */
export interface Cell {
  broker: string
  /** Bytes. */
  size: number
  qos: Qos
}

/** What one variant gave in one cell. */
export interface Comparison extends Cell {
  variant: Variant
  /** Messages/s of every round, and the middle one. */
  rates: number[]
  rate: number
  /** To plain in the same round. */
  rateRatio: Spread
  /** ms, at a tenth of this variant's own top rate; middle of the rounds. */
  p50: number
  p99: number
  p99Ratio: Spread
  /** Bytes of MQTT payload that the broker carried. */
  carried: number
  /** µs of processor time a message, at the top rate. */
  publisherCpu: number
  subscriberCpu: number
}

export interface CompareOptions {
  cells: Cell[]
  settings: Record<Variant, PeerSettings>
  subscriberSettings: Record<Variant, PeerSettings>
  rounds: number
  /** ms of publishing for one rate, and for one latency. */
  rateDuration: number
  latencyDuration: number
  progress: (text: string) => void
}

/** Runs every variant in every cell, all variants one after the other in each round, so that a slow moment hits them alike. */
export async function compareVariants(options: CompareOptions): Promise<Comparison[]> {
  const peers = new Map<Variant, { publisher: PeerProcess; subscriber: PeerProcess }>()
  try {
    for (const variant of variants) {
      const publisher = await PeerProcess.connect('publisher', options.settings[variant])
      peers.set(variant, {
        publisher,
        subscriber: await PeerProcess.connect('subscriber', options.subscriberSettings[variant]),
      })
    }
    const run = (variant: Variant, cell: Cell, duration: number, rate: number | null) => {
      const { publisher, subscriber } = peers.get(variant)!
      return PeerProcess.run(publisher, subscriber, { qos: cell.qos, size: cell.size, duration, rate })
    }
    const comparisons: Comparison[] = []
    for (const cell of options.cells) {
      options.progress(`${cell.broker}, ${cell.size} bytes, QoS ${cell.qos}`)
      comparisons.push(...(await compareInCell(options, cell, run)))
    }
    return comparisons
  } finally {
    for (const { publisher, subscriber } of peers.values()) {
      publisher.end()
      subscriber.end()
    }
  }
}

type Run = (variant: Variant, cell: Cell, duration: number, rate: number | null) => Promise<RunResult>

async function compareInCell(
  { rounds, rateDuration, latencyDuration }: CompareOptions,
  cell: Cell,
  run: Run,
): Promise<Comparison[]> {
  const top = new Map<Variant, RunResult[]>(variants.map((variant) => [variant, []]))
  const slow = new Map<Variant, RunResult[]>(variants.map((variant) => [variant, []]))
  for (const variant of variants) await run(variant, cell, rateDuration / 2, null)
  for (let round = 0; round < rounds; round++) {
    // Another one begins each round.
    const order = variants.map((_, index) => variants[(index + round) % variants.length]!)
    for (const variant of order) top.get(variant)!.push(await run(variant, cell, rateDuration, null))
    for (const variant of order) {
      const tenth = median(top.get(variant)!.map(({ rate }) => rate)) / 10
      slow.get(variant)!.push(await run(variant, cell, latencyDuration, tenth))
    }
  }
  const ratios = (of: Map<Variant, RunResult[]>, variant: Variant, figure: 'rate' | 'p99') =>
    spread(of.get(variant)!.map((result, round) => result[figure] / of.get('plain')![round]![figure]))
  return variants.map((variant) => {
    const results = top.get(variant)!
    const figure = (of: RunResult[], name: keyof RunResult) => median(of.map((result) => result[name]))
    return {
      ...cell,
      variant,
      rates: results.map(({ rate }) => rate),
      rate: figure(results, 'rate'),
      rateRatio: ratios(top, variant, 'rate'),
      p50: figure(slow.get(variant)!, 'p50'),
      p99: figure(slow.get(variant)!, 'p99'),
      p99Ratio: ratios(slow, variant, 'p99'),
      carried: figure(results, 'carried'),
      publisherCpu: figure(results, 'publisherCpu'),
      subscriberCpu: figure(results, 'subscriberCpu'),
    }
  })
}
