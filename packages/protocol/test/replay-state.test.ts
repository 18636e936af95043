import { type MessagePosition, ReplayState, ReplayWindow, SealError, windowLength } from '@sealmq/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const now = 1_800_000_000_000
const startFloor = now - 3_600_000
const position = (more: Partial<MessagePosition> = {}): MessagePosition => ({
  channel: 'aa',
  sender: 1,
  session: '01',
  sequence: 0,
  sealedAt: now,
  topic: 't',
  ...more,
})

/** Offers a message as the opener does. */
function offer(state: ReplayState, at: MessagePosition, distance = 1): string {
  try {
    if (state.wasAccepted(at, now, startFloor)) return 'seen'
    state.accept(at, distance, startFloor)
    return 'accepted'
  } catch (error) {
    if (error instanceof SealError) return error.code
    throw error
  }
}
function offerState(state: ReplayState, at: MessagePosition): string {
  try {
    if (state.isLastState(at, now)) return 'seen'
    state.acceptState(at, 1)
    return 'accepted'
  } catch (error) {
    if (error instanceof SealError) return error.code
    throw error
  }
}

describe('the replay window', () => {
  it('agrees with a set over any order of sequences', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.nat(3000), fc.nat(2 ** 32 - 1)), { maxLength: 200 }), (sequences) => {
        const window = new ReplayWindow()
        const added = new Set<number>()
        for (const sequence of sequences) {
          const highest = Math.max(-1, ...added)
          const below = sequence <= highest - windowLength
          expect(window.isBelow(sequence)).toBe(below)
          expect(window.has(sequence)).toBe(!below && added.has(sequence))
          if (!below && !added.has(sequence)) {
            window.add(sequence)
            added.add(sequence)
          }
        }
      }),
      { numRuns: 300 },
    )
  })
})

describe('telemetry and commands', () => {
  it('accepts nothing twice, whatever the order, across snapshots and restarts', () => {
    const offers = fc.array(
      fc.record({
        sender: fc.integer({ min: 1, max: 2 }),
        session: fc.nat(90).map((number) => number.toString(16).padStart(2, '0')),
        sequence: fc.nat(1500),
        age: fc.nat(4_000_000),
        restart: fc.nat(20),
      }),
      { maxLength: 300 },
    )
    fc.assert(
      fc.property(offers, (messages) => {
        let state = new ReplayState()
        const accepted = new Set<string>()
        // Each is offered again at the end, when sessions were forgotten.
        for (const { sender, session, sequence, age, restart } of [...messages, ...messages]) {
          if (restart === 0) state = ReplayState.restore(state.snapshot())
          const name = `${sender} ${session} ${sequence}`
          const sealedAt = now - age
          const verdict = offer(state, position({ sender, session, sequence, sealedAt }))
          if (verdict !== 'accepted') continue
          expect(accepted.has(`${name} ${sealedAt}`)).toBe(false)
          accepted.add(`${name} ${sealedAt}`)
        }
      }),
      { numRuns: 100 },
    )
  })

  it('takes messages out of order within 1,024 and none below', () => {
    const state = new ReplayState()
    expect(offer(state, position({ sequence: 2000 }))).toBe('accepted')
    expect(offer(state, position({ sequence: 977 }))).toBe('accepted')
    expect(offer(state, position({ sequence: 977 }))).toBe('seen')
    expect(offer(state, position({ sequence: 976 }))).toBe('replayed')
    expect(offer(state, position({ sequence: 1999 }))).toBe('accepted')
  })

  it('keeps 64 sessions at once, forgets the oldest and refuses all of it afterwards', () => {
    const state = new ReplayState()
    const session = (number: number) => number.toString(16).padStart(2, '0')
    for (let number = 0; number < 64; number++) {
      expect(offer(state, position({ session: session(number), sealedAt: now - 1000 + number }))).toBe('accepted')
    }
    expect(offer(state, position({ session: session(0), sealedAt: now - 1000, sequence: 1 }))).toBe('accepted')
    expect(offer(state, position({ session: session(64), sealedAt: now }))).toBe('accepted')
    for (const sequence of [0, 1, 2]) {
      expect(offer(state, position({ session: session(0), sealedAt: now - 1000, sequence }))).toBe('stale')
    }
    expect(offer(state, position({ session: session(1), sealedAt: now - 2000, sequence: 1 }))).toBe('accepted')
    const other = position({ sender: 2, session: session(0), sealedAt: now - 1000 })
    expect(offer(state, other)).toBe('accepted')
  })

  it('refuses what is older than a new subscriber starts with, and what comes from the future', () => {
    const state = new ReplayState()
    expect(offer(state, position({ sealedAt: startFloor }))).toBe('stale')
    expect(offer(state, position({ sealedAt: startFloor + 1 }))).toBe('accepted')
    expect(offer(state, position({ sequence: 1, sealedAt: now + 60_000 }))).toBe('accepted')
    expect(offer(state, position({ sequence: 2, sealedAt: now + 60_001 }))).toBe('stale')
  })

  it('does not go back behind the first floor when time goes on', () => {
    const state = new ReplayState()
    offer(state, position({ sealedAt: startFloor + 10 }))
    const later = startFloor + 100_000
    expect(state.wasAccepted(position({ session: '02', sealedAt: startFloor + 5 }), now, later)).toBe(false)
  })
})

describe('gaps', () => {
  it('counts what is missing on a topic, once, as a range', () => {
    const state = new ReplayState()
    expect(state.accept(position({ sequence: 5 }), 3, startFloor)).toBeNull()
    expect(state.accept(position({ sequence: 6 }), 1, startFloor)).toBeNull()
    expect(state.accept(position({ sequence: 10 }), 2, startFloor)).toEqual({ from: 7, to: 8, count: 2 })
    expect(state.accept(position({ sequence: 8 }), 1, startFloor)).toBeNull()
    expect(state.accept(position({ sequence: 11 }), 1, startFloor)).toBeNull()
    expect(state.accept(position({ sequence: 12, topic: 'u' }), 0, startFloor)).toBeNull()
    expect(state.accept(position({ sequence: 13 }), 2, startFloor)).toBeNull()
  })

  it('keeps them across a restart', () => {
    const state = new ReplayState()
    state.accept(position({ sequence: 0 }), 0, startFloor)
    const restored = ReplayState.restore(state.snapshot())
    expect(restored.accept(position({ sequence: 3 }), 1, startFloor)).toEqual({ from: 1, to: 2, count: 2 })
  })
})

describe('state', () => {
  it('takes only newer ones of a topic, the same again silently, across a restart', () => {
    let state = new ReplayState()
    expect(offerState(state, position({ sequence: 4, sealedAt: now - 10 }))).toBe('accepted')
    state = ReplayState.restore(state.snapshot())
    expect(offerState(state, position({ sequence: 4, sealedAt: now - 10 }))).toBe('seen')
    expect(offerState(state, position({ sequence: 3, sealedAt: now - 10 }))).toBe('replayed')
    expect(offerState(state, position({ sequence: 9, sealedAt: now - 11 }))).toBe('replayed')
    expect(offerState(state, position({ sender: 2, session: '09', sealedAt: now - 20 }))).toBe('replayed')
    expect(offerState(state, position({ sender: 2, session: '09', sealedAt: now - 5 }))).toBe('accepted')
    expect(offerState(state, position({ topic: 'u', sealedAt: 1 }))).toBe('accepted')
    expect(offerState(state, position({ sealedAt: now + 60_001 }))).toBe('stale')
  })
})

describe('the memories of two processes', () => {
  const steps = fc.array(
    fc.record({
      who: fc.nat(1),
      sender: fc.constant(1),
      // More than are kept, so that each forgets some that the other still knows.
      session: fc.nat(150).map((number) => number.toString(16).padStart(2, '0')),
      sequence: fc.oneof(fc.nat(3), fc.nat(2500)),
      topic: fc.constantFrom('t', 'u', 'v'),
      age: fc.oneof(fc.nat(50), fc.nat(4_000_000)),
      merge: fc.nat(25),
    }),
    { minLength: 200, maxLength: 500 },
  )
  // A window also refuses what is newer than all of its session with an old sequence, as no honest sender seals it: once
  // the session is forgotten, only the floor is left.
  for (const [kind, offerTo, check, lasting] of [
    ['telemetry', offer, 'wasAccepted', ['stale']],
    ['state', offerState, 'isLastState', ['seen', 'stale', 'replayed']],
  ] as const) {
    const verdict = (state: ReplayState, at: MessagePosition) => {
      try {
        return state[check](at, now, startFloor) ? 'seen' : 'open'
      } catch (error) {
        return (error as SealError).code
      }
    }
    const isRefused = (state: ReplayState, at: MessagePosition) => lasting.some((code) => code === verdict(state, at))
    it(`refuse together what either accepted or refuses by what it forgot: ${kind}`, () => {
      fc.assert(
        fc.property(steps, (taken) => {
          const both = [new ReplayState(), new ReplayState()] as [ReplayState, ReplayState]
          const offered: [MessagePosition, accepted: boolean][] = []
          for (const { who, age, merge, ...place } of taken) {
            const at = position({ ...place, sealedAt: now - age })
            offered.push([at, offerTo(both[who]!, at) === 'accepted'])
            // As a process that starts with what the file holds.
            if (merge === 0) both[who] = both[0].merge(both[1])
          }
          const before = both.map((state) => state.snapshot())
          const merged = both[0].merge(both[1])
          expect(both.map((state) => state.snapshot())).toEqual(before)
          const open = offered.filter(([at]) => verdict(merged, at) === 'open')
          expect(open.filter(([at, accepted]) => accepted || both.some((state) => isRefused(state, at)))).toEqual([])
        }),
        { numRuns: 25, endOnFailure: true },
      )
    })
  }

  it('refuse what one accepted of a session that it has forgotten and the other still knows', () => {
    const both = [new ReplayState(), new ReplayState()] as const
    const forgotten = position({ sequence: 1, sealedAt: now - 900 })
    expect(offer(both[0], position({ sealedAt: now - 1000 }))).toBe('accepted')
    expect(offer(both[1], forgotten)).toBe('accepted')
    for (let number = 0; number < 64; number++) {
      expect(offer(both[1], position({ session: `f${number}`, sealedAt: now - 500 + number }))).toBe('accepted')
    }
    for (const merged of [both[0].merge(both[1]), both[1].merge(both[0])]) {
      expect(offer(merged, forgotten)).toBe('stale')
      expect(offer(merged, position({ session: 'f63', sequence: 1 }))).toBe('accepted')
    }
  })

  it('do not grow beyond the limit, and then forget the oldest sessions', () => {
    const session = (number: number) => number.toString(16).padStart(2, '0')
    const both = [0, 1].map((who) => {
      const state = new ReplayState()
      for (let number = 0; number < 64; number++) {
        offer(state, position({ session: session(2 * number + who), sealedAt: now - 1000 + 2 * number + who }))
      }
      return state
    })
    const merged = both[0]!.merge(both[1]!)
    expect(offer(merged, position({ session: session(63), sealedAt: now - 1000 + 63, sequence: 1 }))).toBe('stale')
    expect(offer(merged, position({ session: session(64), sealedAt: now - 1000 + 64, sequence: 1 }))).toBe('accepted')
    expect(offer(merged, position({ session: session(64), sealedAt: now - 1000 + 64 }))).toBe('seen')
  })
})

describe('snapshots', () => {
  it('refuse a floor that is no number', () => {
    const state = new ReplayState()
    offer(state, position({ sealedAt: now - 5 }))
    const bytes = state.snapshot()
    // 1b and eight bytes: the floors, and the highest time.
    const heads = [...bytes.keys()].filter((at) => bytes[at] === 0x1b && bytes[at + 1] === 0)
    expect(heads).toHaveLength(3)
    for (const at of heads) {
      const damaged = bytes.slice()
      damaged[at] = 0x68
      damaged.fill(0x41, at + 1, at + 9)
      expect(() => ReplayState.restore(damaged)).toThrow(SealError)
    }
  })

  it('say what changed, and refuse damage', () => {
    const state = new ReplayState()
    expect(state.changed).toBe(false)
    offer(state, position())
    expect(state.changed).toBe(true)
    const bytes = state.snapshot()
    expect(state.changed).toBe(false)
    expect(ReplayState.restore(bytes).snapshot()).toEqual(bytes)
    for (let length = 0; length < bytes.length; length++) {
      expect(() => ReplayState.restore(bytes.subarray(0, length))).toThrow(SealError)
    }
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const damaged = bytes.slice()
        damaged[at] = value
        try {
          ReplayState.restore(damaged)
        } catch (error) {
          expect(error).toBeInstanceOf(SealError)
        }
      }),
    )
  })
})
