import { toBase64 } from './base64.ts'
import { equalBytes } from './bytes.ts'
import { type ParsedCheckpoint, parseCheckpoint } from './checkpoint.ts'
import { CheckpointTrail, isSignedBy, type ProvedTree } from './checkpoint-trail.ts'
import { type CheckpointLine, type ExportHead, type ExportLine, parseLine, type RecordLine } from './export-format.ts'
import { type FindingCode, FindingList, type NoteCode } from './findings.ts'
import { GrowingTree } from './growing-tree.ts'
import { LeafList } from './leaf-list.ts'
import { MerkleEdge } from './merkle-edge.ts'
import { OutsideWitnesses, type Witness } from './outside-witnesses.ts'
import { capital, describe, readEntry, unreadableEntry } from './record-entry.ts'
import { RecordSequence } from './record-sequence.ts'
import { parseVerifierKey, type VerifierKey } from './signed-note.ts'
import type { RememberedTree, VerificationOptions, VerificationReport } from './verification-report.ts'

/** Signatures that are verified of checkpoints that do not fit. */
const mostSignatures = 10_000
/** How often checkpoints may come out of order and are compared nevertheless. */
const mostRewinds = 8
const progressStep = 4_096

/**
 * Verifies an export with nothing but its lines, and with what was kept outside. Whatever the lines say, it ends with a report:
 * time and memory (41 bytes a record) grow with their number only.
 * @param lines without their line ends, as `linesOf` gives them; empty ones are passed over
 * @throws AuditLogError `malformed` when the key or the memory that the caller trusts cannot be read
 */
export async function verifyExport(
  lines: AsyncIterable<string> | Iterable<string>,
  options: VerificationOptions,
): Promise<VerificationReport> {
  const verification = await ExportVerification.prepare(options)
  for await (const line of lines) {
    const pending = verification.take(line)
    if (pending) await pending
  }
  return verification.finish()
}

class ExportVerification {
  readonly #options: VerificationOptions
  readonly #findings = new FindingList<FindingCode>()
  readonly #notes = new FindingList<NoteCode>()
  readonly #witnesses: OutsideWitnesses
  readonly #leaves = new LeafList()
  /** The key to verify with, as text and ready for use. */
  #keyText: string | null = null
  #key: VerifierKey | null = null
  #isKeyConfirmed = false
  #head: ExportHead | null = null
  #sequence!: RecordSequence
  #tree!: GrowingTree
  #trail!: CheckpointTrail
  #isBegun = false
  #line = 0
  #records = 0
  #checkpoints = 0
  #rewindsLeft = mostRewinds
  #signaturesLeft = mostSignatures
  /** The smallest signed size whose root is another, and who says so. */
  #contradiction: { size: number; name: string } | null = null
  #contradictions = 0
  /** A signed size that the records do not reach. */
  #unreached: { size: number; name: string } | null = null
  #unchecked = { count: 0, smallest: Number.POSITIVE_INFINITY }
  #otherKeys = { count: 0, firstLine: 0 }

  private constructor(options: VerificationOptions) {
    this.#options = options
    this.#witnesses = new OutsideWitnesses(options, this.#findings, this.#notes)
  }

  static async prepare(options: VerificationOptions): Promise<ExportVerification> {
    const verification = new ExportVerification(options)
    const trusted = options.key ?? verification.#witnesses.key
    if (trusted === undefined) return verification
    verification.#key = await parseVerifierKey(trusted)
    verification.#keyText = trusted.trim()
    verification.#isKeyConfirmed = true
    return verification
  }

  /** One line; a promise only where a signature has to be verified. */
  take(text: string): Promise<void> | undefined {
    this.#line++
    if (text === '') return undefined
    if (!this.#isBegun) return this.#begin(text)
    const line = readLine(text)
    if (line?.kind === 'checkpoint') return this.#takeCheckpoint(line)
    if (line?.kind === 'head') this.#tellLine('is a second head')
    else this.#takeRecord(line ?? text)
    return undefined
  }

  async finish(): Promise<VerificationReport> {
    if (!this.#isBegun) await this.#begin('')
    this.#sequence.finish()
    this.#tellEnds()
    for (const witness of this.#witnesses.list) await this.#askWitness(witness)
    this.#tellOtherKeys()
    await this.#witnesses.compareKeys(this.#key)
    const proved = await this.#largestProved(Number.MAX_SAFE_INTEGER)
    this.#tellUnreached()
    if (this.#contradiction) await this.#tellFork(this.#contradiction)
    this.#tellBadSignatures(proved?.size ?? 0)
    this.#tellUnproved(proved)
    this.#tellNotes(proved)
    return this.#report(proved)
  }

  async #begin(text: string): Promise<void> {
    this.#isBegun = true
    const line = readLine(text)
    if (line?.kind === 'head') this.#head = line
    else this.#findings.add('malformed', () => 'The file does not begin with the head of an export.')
    await this.#readHeadKey()
    const wanted = this.#witnesses.list.map(({ size }) => size)
    this.#tree = this.#beginTree(wanted)
    this.#sequence = new RecordSequence(this.#tree.from, this.#leaves, this.#findings, this.#notes)
    this.#trail = new CheckpointTrail(this.#key)
    // A record in place of the head is not to be lost.
    if (line?.kind === 'record') this.#takeRecord(line)
    if (line?.kind === 'checkpoint') await this.#takeCheckpoint(line)
  }

  async #readHeadKey(): Promise<void> {
    if (!this.#head) return
    const { origin, key } = this.#head
    const headKey = await parseVerifierKey(key).catch(() => null)
    if (!headKey) this.#findings.add('malformed', () => 'The head holds no key that can be read.')
    if (headKey && headKey.name !== origin)
      this.#findings.add('other-log', () => `The head is of log ${origin}, its key of another.`)
    if (!this.#key) {
      this.#key = headKey
      this.#keyText = headKey && key
    } else if (origin !== this.#key.name) {
      this.#findings.add('other-log', () => `The file is the log ${origin}; the trusted key is of another deployment.`)
    } else if (headKey && !equalBytes(headKey.publicKey, this.#key.publicKey)) {
      this.#findings.add(
        'other-key',
        () => 'The head holds another key than the trusted one: the log may be made anew.',
      )
    }
  }

  #beginTree(wanted: number[]): GrowingTree {
    const { sha256 } = this.#options
    let edge = MerkleEdge.empty(sha256)
    try {
      if (this.#head?.edge) edge = MerkleEdge.from(sha256, this.#head.from, this.#head.edge)
    } catch {
      this.#findings.add('malformed', () => 'The hashes that the head holds are not those of a tree of its size.')
    }
    return new GrowingTree(sha256, edge, this.#leaves, wanted)
  }

  #takeRecord(line: RecordLine | string): void {
    if (this.#checkpoints > 0) {
      this.#tellLine('stands behind the checkpoints and is none')
      // Half a checkpoint where a file was cut is no record.
      if (typeof line === 'string') return
    }
    const { sha256 } = this.#options
    this.#sequence.take(
      typeof line === 'string' ? unreadableEntry(line, this.#line) : readEntry(sha256, line, this.#line),
    )
    this.#records++
    if (this.#records % progressStep === 0) this.#options.onProgress?.(this.#records, this.#total)
  }

  get #total(): number {
    return this.#head ? this.#head.size - this.#head.from : 0
  }

  async #takeCheckpoint({ note }: CheckpointLine): Promise<void> {
    const line = this.#line
    if (this.#checkpoints++ === 0) this.#sequence.settle()
    const checkpoint = readCheckpoint(note)
    if (!checkpoint) return this.#tellLine('holds no checkpoint')
    const { origin, size, root } = checkpoint
    if (this.#key && origin !== this.#key.name) {
      this.#findings.add('other-log', () => `The checkpoint of line ${line} is of another deployment.`, { line })
      return
    }
    if (this.#key && !isSignedWith(checkpoint, this.#key)) {
      if (this.#otherKeys.count++ === 0) this.#otherKeys.firstLine = line
      return
    }
    if (size < this.#tree.from) return this.#countUnchecked(size)
    if (size > this.#tree.availableSize) return this.#keepUnreached(checkpoint, line)
    if (size < this.#tree.size) {
      this.#tellLine('holds a checkpoint that belongs further above')
      if (this.#rewindsLeft-- <= 0) return
      this.#tree.rewind()
    }
    if (equalBytes(this.#tree.rootAt(size), root)) await this.#trail.add({ size, root }, line, note)
    else await this.#keepContradiction(checkpoint, line)
  }

  async #keepUnreached(checkpoint: ParsedCheckpoint, line: number): Promise<void> {
    const { size } = checkpoint
    if (size <= this.#sequence.end) return this.#countUnchecked(size)
    if (!(await this.#isGood(checkpoint))) return this.#tellBadSignature(size, line)
    this.#unreach(size, `the checkpoint of line ${line}`)
  }

  async #keepContradiction(checkpoint: ParsedCheckpoint, line: number): Promise<void> {
    const { size } = checkpoint
    // The first that is signed says all: what comes behind cannot fit either.
    if (this.#contradiction) this.#contradictions++
    else if (await this.#isGood(checkpoint)) this.#contradict(size, `the checkpoint of line ${line}`)
    else this.#tellBadSignature(size, line)
  }

  async #isGood(checkpoint: ParsedCheckpoint): Promise<boolean> {
    return this.#key !== null && this.#signaturesLeft-- > 0 && isSignedBy(checkpoint, this.#key)
  }

  #contradict(size: number, name: string): void {
    this.#contradictions++
    if (!this.#contradiction || size < this.#contradiction.size) this.#contradiction = { size, name }
  }

  #unreach(size: number, name: string): void {
    if (!this.#unreached || size > this.#unreached.size) this.#unreached = { size, name }
  }

  #countUnchecked(size: number): void {
    this.#unchecked.count++
    this.#unchecked.smallest = Math.min(this.#unchecked.smallest, size)
  }

  async #askWitness(witness: Witness): Promise<void> {
    const log = { key: this.#key, from: this.#tree.from, end: this.#sequence.end, tree: this.#tree }
    const testimony = await this.#witnesses.ask(witness, log)
    const { name, size, checkpoint } = witness
    // Nobody finds another key for a signature that is there already.
    if (testimony !== 'refused' && checkpoint) this.#isKeyConfirmed = true
    if (testimony === 'contradicts') this.#contradict(size, name)
    if (testimony === 'larger') this.#unreach(size, name)
    if (testimony === 'unchecked') this.#countUnchecked(size)
  }

  /** The largest tree up to a limit for which a good signature or the memory vouches. */
  async #largestProved(limit: number): Promise<ProvedTree | null> {
    let largest = await this.#trail.largestGood(limit)
    for (const { size, root, result } of this.#witnesses.list)
      if (result.ok && size <= limit && size > (largest?.size ?? -1)) largest = { size, root }
    return largest
  }

  #tellEnds(): void {
    if (!this.#head) return
    const { size, checkpoints } = this.#head
    const { end } = this.#sequence
    if (end < size)
      this.#findings.add('cut', () => `The records end before position ${end}; the head says ${size}.`, {
        from: end,
        to: size - 1,
      })
    if (end > size)
      this.#findings.add('trailing', () => `The head says that the log ends before position ${size}; more follows.`, {
        from: size,
        to: end - 1,
      })
    if (this.#checkpoints < checkpoints)
      this.#findings.add('cut', () => `The head says ${checkpoints} checkpoints; only ${this.#checkpoints} are there.`)
    if (this.#checkpoints > checkpoints)
      this.#findings.add('trailing', () => `The head says ${checkpoints} checkpoints; ${this.#checkpoints} are there.`)
  }

  #tellOtherKeys(): void {
    const { count, firstLine } = this.#otherKeys
    if (count === 0) return
    const message = () =>
      `${count} checkpoints of the file, the first in line ${firstLine}, are not signed with the key of the log.`
    this.#findings.add('other-key', message, { line: firstLine })
  }

  #tellUnreached(): void {
    if (!this.#unreached) return
    const { size, name } = this.#unreached
    const { end } = this.#sequence
    const message = () =>
      `${capital(name)} was signed when the log had ${size} records; here it ends before position ${end}. Only an export from before that checkpoint may.`
    this.#findings.add('cut', message, { from: end, to: size - 1 })
  }

  async #tellFork({ size, name }: { size: number; name: string }): Promise<void> {
    const proved = await this.#largestProved(size - 1)
    const from = Math.min(Math.max(proved?.size ?? 0, this.#tree.from), size)
    const restore = this.#sequence.restores.find((position) => position >= from)
    const run = size - from === 1 ? this.#describe(from) : `${this.#describe(from)} to ${this.#describe(size - 1)}`
    const message = [
      from === size
        ? `The log before record ${size} is not the one of ${name}.`
        : `Altered, added, removed or moved within ${run}: up to there the log is ${proved === null ? 'not proved' : 'proved'}, and ${name} does not fit.`,
      this.#contradictions > 1 ? `${this.#contradictions} checkpoints do not fit in all.` : '',
      restore === undefined
        ? ''
        : `Record ${restore} says that the store was restored from a backup, which is the likely reason: ask when and why.`,
    ]
    const where = from < size ? { from, to: size - 1 } : {}
    this.#findings.add('forked', () => message.filter((part) => part !== '').join(' '), where)
  }

  #describe(position: number): string {
    const index = position - this.#tree.from
    return describe({ time: this.#leaves.time(index), action: this.#leaves.action(index) }, position)
  }

  #tellBadSignature(size: number, line: number): void {
    const message = () => `The checkpoint of line ${line} (${size} records) is altered: its signature does not fit.`
    this.#findings.add('bad-signature', message, { line })
  }

  /** Those whose root fits: forged to fit, or damaged. */
  #tellBadSignatures(proved: number): void {
    const { bad } = this.#trail
    for (const { size, line } of bad) if (size <= proved) this.#tellBadSignature(size, line)
    const first = bad.filter(({ size }) => size > proved).toSorted((a, b) => a.size - b.size)[0]
    if (!first) return
    const [from, to] = [Math.max(proved, this.#tree.from), this.#tree.availableSize - 1]
    const message = () =>
      `From the checkpoint of line ${first.line} on (${first.size} records) signatures do not fit: from ${this.#describe(from)} on nothing is proved.`
    this.#findings.add('bad-signature', message, { from, to, line: first.line })
  }

  #tellUnproved(proved: ProvedTree | null): void {
    // Where records are missing, that is what has been told.
    const isExplained = this.#contradiction !== null || this.#tree.availableSize < this.#sequence.end
    // What vouches for all before the first record here, vouches for none of them.
    const isProved = proved !== null && (proved.size > this.#tree.from || this.#tree.availableSize === this.#tree.from)
    if (isProved || isExplained || this.#records === 0) return
    this.#findings.add(
      'unproved',
      () => 'No checkpoint that is signed with the key of the log vouches for the records.',
    )
  }

  #tellNotes(proved: ProvedTree | null): void {
    if (this.#key && !this.#isKeyConfirmed)
      this.#notes.add('key-unconfirmed', () => 'The key is known from this file alone: compare it over another way.')
    if (this.#witnesses.list.length === 0)
      this.#notes.add('no-outside-checkpoint', () => 'No checkpoint from outside was there to compare with.')
    const { count, smallest } = this.#unchecked
    if (count > 0)
      this.#notes.add('unchecked', () => `${count} checkpoints, from ${smallest} records on, could not be compared.`)
    const { availableSize } = this.#tree
    if (!proved || proved.size >= availableSize || this.#contradiction) return
    const message = () => `From ${this.#describe(proved.size)} on no checkpoint vouches for the records yet.`
    this.#notes.add('unsigned-tail', message, { from: proved.size, to: availableSize - 1 })
  }

  #report(proved: ProvedTree | null): VerificationReport {
    const { availableSize } = this.#tree
    const isWhole = availableSize === this.#sequence.end
    return {
      origin: this.#key?.name ?? this.#head?.origin ?? null,
      key: this.#keyText,
      from: this.#tree.from,
      size: this.#sequence.end,
      root: isWhole ? toBase64(this.#tree.rootAt(availableSize)) : null,
      records: this.#records,
      newestRecordTime: this.#sequence.latestTime,
      proved: proved?.size ?? null,
      checkpointsHeld: this.#trail.count - this.#trail.bad.length,
      outside: this.#witnesses.results,
      remember: this.#remember(proved),
      findings: this.#findings.sorted(),
      moreFindings: this.#findings.more,
      notes: this.#notes.sorted(),
      moreNotes: this.#notes.more,
    }
  }

  #remember(proved: ProvedTree | null): RememberedTree | null {
    if (!proved || !this.#key || !this.#keyText || this.#findings.list.length > 0) return null
    // What could not be compared with the memory must not take its place.
    if (this.#witnesses.list.some(({ checkpoint, result }) => checkpoint === null && !result.ok)) return null
    return { origin: this.#key.name, size: proved.size, root: toBase64(proved.root), key: this.#keyText }
  }

  #tellLine(what: string): void {
    const line = this.#line
    this.#findings.add('malformed', () => `Line ${line} ${what}.`, { line })
  }
}

function readLine(text: string): ExportLine | null {
  try {
    return parseLine(text)
  } catch {
    return null
  }
}

function readCheckpoint(note: string): ParsedCheckpoint | null {
  try {
    return parseCheckpoint(note)
  } catch {
    return null
  }
}

function isSignedWith({ signatures }: ParsedCheckpoint, key: VerifierKey): boolean {
  return signatures.some(({ name, keyId }) => name === key.name && equalBytes(keyId, key.keyId))
}
