import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { countTry, judgeTry, lockedUntil, noTries, type TryCount, type TryLimits } from '../src/identity/tries.ts'
import { inParallel, onEachEngine } from './engines.ts'
import { hour, minute } from './test-clock.ts'

const begin = 1_800_000_000_000
const someLimits = fc
  .record({
    allowed: fc.integer({ min: 1, max: 8 }),
    lock: fc.integer({ min: 1000, max: 10 * minute }),
    doublings: fc.integer({ min: 0, max: 8 }),
  })
  .map(({ doublings, ...limits }): TryLimits => ({ ...limits, longestLock: limits.lock * 2 ** doublings }))

/** Judges tries at these times one after the other; none succeeds. */
function judgeAll(limits: TryLimits, times: readonly number[]) {
  let count: TryCount = noTries
  return times.map((time) => {
    const { after, admission } = judgeTry(count, limits, time)
    count = after
    return { time, ...admission }
  })
}

describe('the judge of tries', () => {
  it('admits no more than allowed before each lock, and none within one, however many come', () => {
    const steps = fc.array(fc.integer({ min: 0, max: 3 * minute }), { minLength: 1, maxLength: 300 })
    fc.assert(
      fc.property(someLimits, steps, (limits, gaps) => {
        let time = begin
        let sinceLock = 0
        let until = 0
        for (const judged of judgeAll(
          limits,
          gaps.map((gap) => (time += gap)),
        )) {
          expect(judged.admitted).toBe(judged.time >= until)
          if (!judged.admitted) continue
          sinceLock++
          expect(sinceLock).toBeLessThanOrEqual(limits.allowed)
          expect(judged.lockedUntil !== null).toBe(sinceLock === limits.allowed)
          if (judged.lockedUntil !== null) {
            until = judged.lockedUntil
            sinceLock = 0
          }
        }
      }),
    )
  })

  it('locks twice as long each time, up to the longest, and anew after a day without a failure', () => {
    fc.assert(
      fc.property(someLimits, fc.integer({ min: 1, max: 12 }), (limits, locks) => {
        let count: TryCount = noTries
        let time = begin
        const lockOnce = () => {
          for (;;) {
            const { after, admission } = judgeTry(count, limits, time)
            count = after
            expect(admission.admitted).toBe(true)
            if (admission.admitted && admission.lockedUntil !== null) {
              const length = admission.lockedUntil - time
              time = admission.lockedUntil
              return length
            }
          }
        }
        for (let level = 0; level < locks; level++) {
          expect(lockOnce()).toBe(Math.min(limits.lock * 2 ** level, limits.longestLock))
        }
        // The day begins when the lock ends: else the longest lock would be forgotten as soon as it is over.
        time += 24 * hour
        expect(judgeTry(count, { ...limits, allowed: 1 }, time).after.level).toBe(locks + 1)
        time += 1
        expect(lockOnce()).toBe(limits.lock)
      }),
    )
  })

  it('never locks longer than the longest lock from now, wherever the clock jumps', () => {
    const jumps = fc.array(fc.integer({ min: -400 * 24 * hour, max: 400 * 24 * hour }), { maxLength: 60 })
    fc.assert(
      fc.property(someLimits, jumps, fc.integer({ min: 1, max: 40 }), (limits, clock, burst) => {
        const times = clock.flatMap((jump) => Array<number>(burst).fill(begin + jump))
        for (const { time, lockedUntil } of judgeAll(limits, times)) {
          expect((lockedUntil ?? time) - time).toBeLessThanOrEqual(limits.longestLock)
        }
      }),
    )
  })

  it('gives for one jump of the clock no more than one round of tries', () => {
    const jump = fc.integer({ min: -400 * 24 * hour, max: 400 * 24 * hour })
    fc.assert(
      fc.property(someLimits, jump, fc.integer({ min: 0, max: 60 }), (limits, ahead, when) => {
        const burst = judgeAll(limits, [
          ...Array<number>(50).fill(begin),
          ...Array<number>(50).fill(begin + ahead),
        ]).filter(({ admitted }) => admitted).length
        expect(burst).toBeLessThanOrEqual(2 * limits.allowed)
        // Further ahead the day is over, and the next lock a first one.
        if (ahead > 23 * hour) return
        const dense = (jumpAt: number) =>
          judgeAll(
            limits,
            Array.from({ length: 120 }, (_, index) => begin + index * 500 + (index >= jumpAt ? ahead : 0)),
          ).filter(({ admitted }) => admitted).length
        expect(dense(when)).toBeLessThanOrEqual(dense(Number.POSITIVE_INFINITY) + 2 * limits.allowed)
      }),
    )
  })
})

onEachEngine('counted tries', (engine) => {
  it('admit exactly as many of 200 at once as allowed, and count the lock for all', async () => {
    const stores = await engine.openSeveral(2)
    for (const [allowed, parallel] of [
      [1, 20],
      [3, 200],
    ] as const) {
      const limits = { allowed, lock: 5 * minute, longestLock: hour }
      const key = `test ${allowed}`
      const admissions = await inParallel(parallel, stores, (store) => countTry(store, key, limits, begin))
      expect(admissions.filter(({ admitted }) => admitted)).toHaveLength(allowed)
      expect(admissions.filter(({ admitted, lockedUntil }) => admitted && lockedUntil !== null)).toHaveLength(1)
      expect(await lockedUntil(stores[0]!, key, limits, begin)).toBe(begin + 5 * minute)
      expect(await lockedUntil(stores[0]!, key, limits, begin + 5 * minute)).toBeNull()
      const again = await inParallel(20, stores, (store) => countTry(store, key, limits, begin + 5 * minute))
      expect(again.filter(({ admitted }) => admitted)).toHaveLength(allowed)
      expect(await lockedUntil(stores[0]!, key, limits, begin + 6 * minute)).toBe(begin + 15 * minute)
    }
  })
})
