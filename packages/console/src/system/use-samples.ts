import type { SystemStatus } from '@sealmq/protocol/api'
import { useEffect, useState } from 'react'

/** What is charted, at one time. */
interface Sample {
  /** Authority time, ms. */
  time: number
  counts: SystemStatus['counts']
}

/** Ten minutes of samples every five seconds. */
const mostSamples = 120

/** Columns for the charts of what was read while this page is open; rates a second, null where there is none. */
export function useSamples(status: SystemStatus | undefined) {
  const [samples, setSamples] = useState<readonly Sample[]>([])
  useEffect(() => {
    if (status === undefined) return
    const { time, counts } = status
    setSamples((before) => {
      const last = before.at(-1)
      if (last && last.time >= time) return before
      return [...before, { time, counts }].slice(-mostSamples)
    })
  }, [status])
  const rate = (of: (counts: SystemStatus['counts']) => number) =>
    samples.map(({ time, counts }, index) => {
      const before = samples[index - 1]
      const grown = before && of(counts) - of(before.counts)
      // A count that fell is of another start.
      return grown === undefined || grown < 0 ? null : (grown * 1000) / (time - before!.time)
    })
  return {
    times: samples.map(({ time }) => time / 1000),
    messages: rate(({ messages }) => messages),
    refused: rate(({ refused }) => refused),
    connections: samples.map(({ counts }) => counts.connections),
  }
}
