/** Sequences remembered below the highest one. */
export const windowLength = 1024

/** Which of the last 1,024 sequences of one session were accepted (RFC 6479's shape: blocks, no shifting). */
export class ReplayWindow {
  highest = -1
  readonly bits: Uint32Array

  constructor(highest = -1, bits: Uint32Array = new Uint32Array(windowLength / 32)) {
    this.highest = highest
    this.bits = bits
  }

  /** Whether the sequence lies so far below the highest that nothing is known of it. */
  isBelow(sequence: number): boolean {
    return sequence <= this.highest - windowLength
  }

  /** Whether the sequence is known to have been accepted. */
  has(sequence: number): boolean {
    if (sequence > this.highest || this.isBelow(sequence)) return false
    return (this.bits[(sequence % windowLength) >>> 5]! & (1 << (sequence & 31))) !== 0
  }

  /** Remembers a sequence that is not below the window. */
  add(sequence: number): void {
    if (sequence > this.highest) {
      const cleared = Math.min(sequence - this.highest, windowLength)
      for (let step = 1; step <= cleared; step++) this.#clear(this.highest + step + (sequence - this.highest - cleared))
      this.highest = sequence
    }
    this.bits[(sequence % windowLength) >>> 5]! |= 1 << (sequence & 31)
  }

  /** What either of two windows holds, as far as the window reaches below the higher one. */
  static union(a: ReplayWindow, b: ReplayWindow): ReplayWindow {
    const [low, high] = a.highest < b.highest ? [a, b] : [b, a]
    const union = new ReplayWindow(high.highest, high.bits.slice())
    for (let sequence = Math.max(0, high.highest - windowLength + 1); sequence <= low.highest; sequence++) {
      if (low.has(sequence)) union.add(sequence)
    }
    return union
  }

  #clear(sequence: number): void {
    this.bits[(sequence % windowLength) >>> 5]! &= ~(1 << (sequence & 31))
  }
}
