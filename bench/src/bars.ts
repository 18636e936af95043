import type { Comparison } from './compare.ts'
import type { MicroResult } from './micro.ts'

/** Something that must be reached, and what was. */
export interface Bar {
  what: string
  wanted: string
  measured: number
  met: boolean
}

/** The bars of speed and size, for what was measured of them. */
export function checkBars(comparisons: readonly Comparison[], micro: readonly MicroResult[]): Bar[] {
  const bars: Bar[] = []
  const atLeast = (what: string, measured: number | undefined, bound: number) => {
    if (measured !== undefined) bars.push({ what, wanted: `≥ ${bound}`, measured, met: measured >= bound })
  }
  const atMost = (what: string, measured: number | undefined, bound: number) => {
    if (measured !== undefined) bars.push({ what, wanted: `≤ ${bound}`, measured, met: measured <= bound })
  }
  const main = (variant: string) =>
    comparisons.find(
      (one) => one.broker === 'mosquitto' && one.size === 256 && one.qos === 1 && one.variant === variant,
    )
  const unsigned = main('sealed')
  const signed = main('sealed+signed')
  atLeast('rate, sealed to plain (Mosquitto, 256 bytes, QoS 1)', unsigned?.rateRatio.median, 0.8)
  atLeast('rate, sealed and signed to plain (Mosquitto, 256 bytes, QoS 1)', signed?.rateRatio.median, 0.28)
  atMost('p99 latency, each at a tenth of its top rate, sealed to plain', unsigned?.p99Ratio.median, 2)
  atMost('p99 latency, each at a tenth of its top rate, sealed and signed to plain', signed?.p99Ratio.median, 2)
  const small = micro.find((one) => one.variant === 'sealed' && one.size === 256)
  atMost('seal, unsigned, 256 bytes, µs', small?.seal, 12)
  atMost('open, unsigned, 256 bytes, µs', small?.open, 12)
  const overhead = (variant: string) => {
    const found = micro.filter((one) => one.variant === variant).map((one) => one.overhead)
    return found.length > 0 ? Math.max(...found) : undefined
  }
  atMost('overhead, unsigned, bytes', overhead('sealed'), 64)
  atMost('overhead, signed, bytes', overhead('sealed+signed'), 132)
  return bars
}
