import { type ParsedCheckpoint, parseCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import type { VerifierKey } from './signed-note.ts'

/** A tree that something vouches for. */
export interface ProvedTree {
  size: number
  root: Uint8Array
}

/** A checkpoint of an export whose root is that of the records. */
interface Fitting extends ProvedTree {
  line: number
  /** Null when its signature was verified. */
  note: string | null
  isGood: boolean
}

const signaturesAtOnce = 10_000
const mostKept = 32_768
const longestKept = 1_000
const mostBad = 1_000
const mostStepsBack = 64

/**
 * The checkpoints of an export that fit its records. The first thousands have their signatures verified as they come; of more
 * only those that decide something, since one good signature vouches for everything before it.
 */
export class CheckpointTrail {
  readonly #key: VerifierKey | null
  #kept: Fitting[] = []
  #stride = 1
  #count = 0
  /** Those among them that may be good. */
  #entered = 0
  /** Those whose signature does not fit, as far as they were looked at; the first thousand. */
  readonly bad: { size: number; line: number }[] = []

  /** @param key null when none is known: then no signature is good */
  constructor(key: VerifierKey | null) {
    this.#key = key
  }

  /** How many have been entered. */
  get count(): number {
    return this.#count
  }

  async add({ size, root }: ProvedTree, line: number, note: string): Promise<void> {
    const entry: Fitting = { size, root, line, note, isGood: false }
    // Long ones are not kept, so that no file can fill the memory with them.
    const isVerified = this.#count++ < signaturesAtOnce || note.length > longestKept
    if (isVerified && !(await this.#isGood(entry))) return
    // Of each run as long as the stride, the last one.
    if (this.#entered++ % this.#stride === 0) this.#kept.push(entry)
    else this.#kept[this.#kept.length - 1] = entry
    if (this.#kept.length < mostKept) return
    this.#kept = this.#kept.filter((_, index) => index % 2 === 0 || index === this.#kept.length - 1)
    this.#stride *= 2
  }

  /** The largest tree below or at a limit for which a good signature vouches; null when there is none. */
  async largestGood(limit: number): Promise<ProvedTree | null> {
    let end = this.#kept.findLastIndex(({ size }) => size <= limit)
    for (let step = 0; step < mostStepsBack && end >= 0; step++, end--)
      if (await this.#isGood(this.#kept[end]!)) return this.#kept[end]!
    // Who forges can sign nothing from somewhere on: that place is found by halves.
    let [good, bad] = [-1, end + 1]
    while (bad - good > 1) {
      const middle = (good + bad) >>> 1
      if (await this.#isGood(this.#kept[middle]!)) good = middle
      else bad = middle
    }
    return this.#kept[good] ?? null
  }

  async #isGood(entry: Fitting): Promise<boolean> {
    if (entry.note === null || !this.#key) return entry.isGood
    entry.isGood = await isSignedBy(parseCheckpoint(entry.note), this.#key)
    entry.note = null
    if (!entry.isGood && this.bad.length < mostBad) this.bad.push({ size: entry.size, line: entry.line })
    return entry.isGood
  }
}

/** Whether the signature of a checkpoint is that of a key. */
export async function isSignedBy(checkpoint: ParsedCheckpoint, key: VerifierKey): Promise<boolean> {
  try {
    await verifyCheckpoint(checkpoint, key)
    return true
  } catch {
    return false
  }
}
