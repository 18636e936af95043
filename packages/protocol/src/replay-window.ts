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

  /** Whether the sequence was accepted before, or lies below the window. */
  has(sequence: number): boolean {
    if (sequence > this.highest) return false
    if (sequence <= this.highest - windowLength) return true
    return (this.bits[(sequence % windowLength) >>> 5]! & (1 << (sequence & 31))) !== 0
  }

  /** Remembers a sequence that `has` did not know. */
  add(sequence: number): void {
    if (sequence > this.highest) {
      const cleared = Math.min(sequence - this.highest, windowLength)
      for (let step = 1; step <= cleared; step++) this.#clear(this.highest + step + (sequence - this.highest - cleared))
      this.highest = sequence
    }
    this.bits[(sequence % windowLength) >>> 5]! |= 1 << (sequence & 31)
  }

  #clear(sequence: number): void {
    this.bits[(sequence % windowLength) >>> 5]! &= ~(1 << (sequence & 31))
  }
}
