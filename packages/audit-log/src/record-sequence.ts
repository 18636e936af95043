import type { FindingCode, FindingList, NoteCode } from './findings.ts'
import type { LeafList } from './leaf-list.ts'
import { capital, describe, type RecordEntry, shownTime } from './record-entry.ts'

/** Records that have not come. */
interface Gap {
  start: number
  /** Behind the last. */
  end: number
  /** Between what they are missing. */
  where: string
}

const mostHeld = 8
const mostGaps = 1_000
const mostEarly = 256
const mostWaiting = 4_096

/**
 * Brings the lines of an export to their positions. Where numbers do not go on by one, the lines around tell whether records
 * are missing, come twice or were moved, so that one record at the wrong place does not make all behind it wrong. The leaf
 * hashes go to the list as long as none is missing. Memory is bounded whatever the lines say.
 */
export class RecordSequence {
  readonly #from: number
  readonly #leaves: LeafList
  readonly #findings: FindingList<FindingCode>
  readonly #notes: FindingList<NoteCode>
  /** Position of the record that should come next. */
  #expected: number
  /** Lines that did not fit, until one tells where the log goes on. */
  #held: RecordEntry[] = []
  /** In ascending order. */
  readonly #gaps: Gap[] = []
  /** Positions from the expected one on that have come already. */
  readonly #early = new Set<number>()
  /** Read, but one before is missing. */
  readonly #waiting = new Map<number, RecordEntry>()
  #broken = false
  /** The one that was placed last. */
  #previous: { position: number; entry: RecordEntry } | null = null
  /** The one with the highest number. */
  #latest: { position: number; entry: RecordEntry } | null = null
  /** Positions of `authority.restore`. */
  readonly restores: number[] = []

  constructor(from: number, leaves: LeafList, findings: FindingList<FindingCode>, notes: FindingList<NoteCode>) {
    this.#from = from
    this.#expected = from
    this.#leaves = leaves
    this.#findings = findings
    this.#notes = notes
  }

  /** Position behind the last record that has come at its place. */
  get end(): number {
    return this.#expected
  }

  /** Time of the last record, ms. */
  get latestTime(): number | null {
    return this.#latest?.entry.time ?? null
  }

  take(entry: RecordEntry): void {
    if (this.#held.length === 0 && entry.position === this.#expected) {
      this.#putInSlot(entry, this.#expected)
      return
    }
    this.#held.push(entry)
    this.#resolve()
    if (this.#held.length > mostHeld) this.#settleOldest()
  }

  /** Decides about the lines that are held back; to be called where the records end. */
  settle(): void {
    while (this.#held.length > 0) this.#settleOldest()
  }

  /** Tells what is missing; to be called when no more lines come. */
  finish(): void {
    this.settle()
    for (const { start, end, where } of this.#gaps)
      this.#findings.add('misplaced', () => `${named(start, end)} ${where}.`, { from: start, to: end - 1 })
  }

  #resolve(): void {
    const last = this.#held.at(-1)!
    const before = this.#held.length - 1
    if (before === 0 || last.fault || last.position === null) return
    const { position } = last
    const base = position - before
    if (position === this.#expected) {
      // Those before stand here beside the sequence.
      for (const entry of this.#takeHeld().slice(0, -1)) this.#putBeside(entry)
      this.#putInSlot(last, this.#expected)
    } else if (base === this.#expected) {
      // Those before stand in place of others.
      for (const entry of this.#takeHeld()) this.#putInSlot(entry, this.#expected)
    } else if (
      base > this.#expected &&
      this.#held.every((entry, index) => entry.fault || entry.position === base + index)
    ) {
      // The sequence goes on further behind.
      const entries = this.#takeHeld()
      this.#leaveGap(base, entries[0]!)
      for (const [index, entry] of entries.entries()) this.#putInSlot(entry, base + index)
    }
  }

  #takeHeld(): RecordEntry[] {
    const held = this.#held
    this.#held = []
    return held
  }

  #settleOldest(): void {
    const [oldest, ...others] = this.#takeHeld() as [RecordEntry, ...RecordEntry[]]
    if (oldest.fault || oldest.position === null) {
      this.#putInSlot(oldest, this.#expected)
    } else if (oldest.position > this.#expected) {
      this.#leaveGap(oldest.position, oldest)
      this.#putInSlot(oldest, oldest.position)
    } else {
      this.#putBeside(oldest)
    }
    for (const entry of others) this.take(entry)
  }

  /** A line that the sequence has at this position, whatever it says itself. */
  #putInSlot(entry: RecordEntry, slot: number): void {
    if (entry.fault || entry.position === slot) {
      this.#place(entry, slot)
      this.#advanceTo(slot + 1)
    } else {
      this.#leaveGap(slot + 1, entry)
      this.#putBeside(entry)
    }
  }

  /** A line that is none of the sequence here. */
  #putBeside(entry: RecordEntry): void {
    const { position } = entry
    if (entry.fault || position === null) {
      this.#tellFault(entry, null)
    } else if (position >= this.#expected) {
      this.#tellMisplaced(entry, `stands too early, ${this.#behind()}`)
      if (this.#early.has(position) || this.#early.size >= mostEarly) return
      this.#early.add(position)
      this.#place(entry, position)
    } else if (this.#fillGap(position)) {
      this.#tellMisplaced(entry, `stands too late, ${this.#behind()}`)
      this.#place(entry, position)
    } else {
      this.#tellMisplaced(entry, `comes twice, the second time ${this.#behind()}`)
    }
  }

  #place(entry: RecordEntry, position: number): void {
    if (entry.fault) this.#tellFault(entry, position)
    if (this.#previous?.position === position - 1) this.#compareClock(this.#previous.entry, entry, position)
    this.#previous = { position, entry }
    if (!this.#latest || this.#latest.position < position) this.#latest = this.#previous
    if (entry.action === 'authority.restore' && !entry.fault) this.#noteRestore(entry, position)
    if (this.#broken) return
    if (position === this.#from + this.#leaves.length) {
      this.#pushLeaf(entry)
      for (let next = position + 1; !this.#broken; next++) {
        const waiting = this.#waiting.get(next)
        if (!waiting) break
        this.#waiting.delete(next)
        this.#pushLeaf(waiting)
      }
    } else if (this.#waiting.size < mostWaiting) {
      this.#waiting.set(position, entry)
    } else {
      this.#broken = true
      this.#waiting.clear()
    }
  }

  #pushLeaf({ hash, time, action }: RecordEntry): void {
    if (hash) this.#leaves.push(hash, time, action)
    else this.#broken = true
  }

  #advanceTo(position: number): void {
    this.#expected = position
    while (this.#early.delete(this.#expected)) this.#expected++
  }

  #leaveGap(end: number, next: RecordEntry): void {
    const where = `${this.#behind()} comes ${describe(next, next.position)}`
    const add = (start: number, gapEnd: number) => {
      if (start >= gapEnd) return
      if (this.#gaps.length < mostGaps) this.#gaps.push({ start, end: gapEnd, where })
      else this.#findings.add('misplaced', () => `${named(start, gapEnd)} ${where}.`, { from: start, to: gapEnd - 1 })
    }
    let start = this.#expected
    const came = [...this.#early].filter((position) => position < end).sort((a, b) => a - b)
    for (const position of came) {
      this.#early.delete(position)
      add(start, position)
      start = position + 1
    }
    add(start, end)
    this.#advanceTo(end)
  }

  #fillGap(position: number): boolean {
    let [low, high] = [0, this.#gaps.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#gaps[middle]!.end <= position) low = middle + 1
      else high = middle
    }
    const gap = this.#gaps[low]
    if (!gap || gap.start > position) return false
    const parts = [
      { ...gap, end: position },
      { ...gap, start: position + 1 },
    ]
    this.#gaps.splice(low, 1, ...parts.filter(({ start, end }) => start < end))
    return true
  }

  #compareClock(before: RecordEntry, { time }: RecordEntry, position: number): void {
    if (time === null || before.time === null || time >= before.time) return
    const message = () =>
      `The time of record ${position} (${shownTime(time)}) is before that of record ${position - 1}.`
    this.#notes.add('clock-back', message, { from: position })
  }

  #noteRestore(entry: RecordEntry, position: number): void {
    if (this.restores.length < mostGaps) this.restores.push(position)
    const message = () => `The store was restored from a backup: ${describe(entry, position)}.`
    this.#notes.add('restored', message, { from: position })
  }

  #tellFault(entry: RecordEntry, position: number | null): void {
    const name = position === null ? `The record of line ${entry.line}` : capital(describe(entry, position))
    const saying =
      entry.position !== null && entry.position !== position ? ` It calls itself record ${entry.position}.` : ''
    const message = () =>
      entry.fault === 'altered'
        ? `${name} does not fit its hash: it or the hash has been altered.${saying}`
        : `Line ${entry.line} cannot be read${position === null ? '' : `; record ${position} should be there`}.`
    this.#findings.add(entry.fault!, message, { line: entry.line, ...(position === null ? {} : { from: position }) })
  }

  #tellMisplaced(entry: RecordEntry, how: string): void {
    const position = entry.position!
    this.#findings.add('misplaced', () => `${capital(describe(entry, position))} ${how}.`, {
      from: position,
      line: entry.line,
    })
  }

  #behind(): string {
    return this.#previous ? `behind ${describe(this.#previous.entry, this.#previous.position)}` : 'at the beginning'
  }
}

function named(start: number, end: number): string {
  return end - start === 1 ? `Record ${start} is missing:` : `Records ${start} to ${end - 1} are missing:`
}
