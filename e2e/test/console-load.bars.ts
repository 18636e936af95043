import { describe, expect } from 'vitest'
import { bar, longestMinutes } from '../../scripts/bar.ts'
import { loadSubscriber, quantile } from './console-load.ts'

const minutes = Math.min(30, longestMinutes)

describe('the page of a subscriber', () => {
  bar(21, 'With 1,000 signed messages/s the page answers: input delay p95 under 100 ms', async (count) => {
    const { inputDelays, published } = await loadSubscriber(1000, 60, count)
    const p95 = quantile(inputDelays, 0.95)
    console.log(`input delay p50 ${quantile(inputDelays, 0.5).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms`)
    expect(published).toBeGreaterThan(57_000)
    expect(inputDelays.length).toBeGreaterThan(50)
    expect(p95).toBeLessThan(100)
  })

  bar(22, 'With 200 messages/s the heap is flat once as many are there as are kept', async (count) => {
    const { heaps } = await loadSubscriber(200, minutes * 60, count, 30)
    count('minutes', minutes)
    // 10,000 of a topic are there after 50 s.
    const full = heaps.filter(({ second }) => second > 120)
    const third = Math.floor(full.length / 3)
    const heap = (of: 'page' | 'worker', part: typeof full) =>
      quantile(
        part.map((one) => one[of]),
        0.5,
      )
    for (const of of ['page', 'worker'] as const) {
      const [before, after] = [heap(of, full.slice(0, third)), heap(of, full.slice(-third))]
      console.log(`${of}: ${(before / 1e6).toFixed(1)} MB, then ${(after / 1e6).toFixed(1)} MB`)
      expect(after, of).toBeLessThan(before * 1.15 + 4_000_000)
    }
  })
})
