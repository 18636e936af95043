/** Rejections told within one second; the rest are counted. */
const rejectionsPerSecond = 50

/** Keeps a flood of refused messages from becoming a flood of events. */
export class RejectionLimit {
  #since = Number.NEGATIVE_INFINITY
  #told = 0
  #suppressed = 0

  /**
   * @param now monotonic, ms
   * @returns how many were not told since the last one; null when this one is not to be told either
   */
  admit(now: number): number | null {
    if (now - this.#since >= 1000) {
      this.#since = now
      this.#told = 0
    }
    if (this.#told >= rejectionsPerSecond) {
      this.#suppressed++
      return null
    }
    this.#told++
    const suppressed = this.#suppressed
    this.#suppressed = 0
    return suppressed
  }
}
