/** What the gateway has done since it started. */
export interface Counts {
  /** Machines' messages on disk, and so acknowledged. */
  taken: number
  /** Sealed and acknowledged by the plant's broker. */
  forwarded: number
  /** Of these, older than their channel's maximum age. */
  late: number
  /** Lost their place to newer ones (drop-oldest). */
  dropped: number
  /** Not taken: the queue was full (refuse-newest) or could not be written. */
  refused: number
  /** Not of their rule's format, or without a topic on the other side. */
  malformed: number
  /** Their seconds to live were over before they could be sealed. */
  expired: number
  /** Too large for the plant's broker, or otherwise impossible to seal. */
  unsealable: number
  /** Opened and handed to the machines' side. */
  delivered: number
  /** Opened, but given up: the machines' side was away for too long, or the command is no longer fresh. */
  undelivered: number
  /** From the plant's side, refused by the client: forged, replayed, stale, … */
  rejected: number
  /** Messages that are missing from the plant's side. */
  gaps: number
  /** Connections of machines that were dropped or refused. */
  turnedAway: number
}

export const noCounts = (): Counts => ({
  taken: 0,
  forwarded: 0,
  late: 0,
  dropped: 0,
  refused: 0,
  malformed: 0,
  expired: 0,
  unsealable: 0,
  delivered: 0,
  undelivered: 0,
  rejected: 0,
  gaps: 0,
  turnedAway: 0,
})

/** Lets a line through once in a while, so that a flood of faults is no flood of lines: the counts tell how many. */
export class LogLimit {
  readonly #pause: number
  readonly #monotonic: () => number
  readonly #told = new Map<string, number>()

  /** @param pause ms between two lines of one kind */
  constructor(pause: number, monotonic: () => number) {
    this.#pause = pause
    this.#monotonic = monotonic
  }

  admit(kind: string): boolean {
    const now = this.#monotonic()
    if (now - (this.#told.get(kind) ?? Number.NEGATIVE_INFINITY) < this.#pause) return false
    if (this.#told.size > 1000) this.#told.clear()
    this.#told.set(kind, now)
    return true
  }
}
