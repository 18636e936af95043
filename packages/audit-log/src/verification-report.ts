import type { Finding, FindingCode, NoteCode } from './findings.ts'
import type { Sha256 } from './merkle-hash.ts'

/** The largest tree of a log that somebody has seen proved, to compare with next time. */
export interface RememberedTree {
  origin: string
  size: number
  /** Base64. */
  root: string
  /** As `verifierKey` writes it. */
  key: string
}

/** A checkpoint that was kept outside of the log. */
export interface OutsideCheckpoint {
  note: string
  /** Key that came with it over a way that the auditor trusts. */
  key?: string
}

export interface VerificationOptions {
  sha256: Sha256
  /** Key that the auditor trusts, as `verifierKey` writes it. */
  key?: string
  checkpoints?: readonly OutsideCheckpoint[]
  remembered?: RememberedTree | null
  /** Now and then: records read, and how many the head says. */
  onProgress?: (records: number, total: number) => void
}

/** What became of one checkpoint from outside. */
export interface OutsideResult {
  /** Null when it cannot be read. */
  size: number | null
  /** Null when nothing can be said: it is from before the first record here, or records before it are missing. */
  ok: boolean | null
}

export interface VerificationReport {
  /** Null when neither the file nor the auditor says which log it is. */
  origin: string | null
  /** The key that was verified with. */
  key: string | null
  /** Position of the first record. */
  from: number
  /** Position behind the last record. */
  size: number
  /** Base64 of the root at this size; null when a record is missing before. */
  root: string | null
  /** Lines of records that were read. */
  records: number
  /** Authority time of the last record, ms. */
  newestRecordTime: number | null
  /** Up to which size a good signature or the memory vouches for the records; null when for none. */
  proved: number | null
  /** Checkpoints of the file that fit its records, and whose signature was not found bad. */
  checkpointsHeld: number
  /** One for each checkpoint that was given, in their order. */
  outside: OutsideResult[]
  /**
   * The largest tree that a good signature or the memory vouches for; null when anything was found, or when what was remembered
   * could not be compared.
   */
  remember: RememberedTree | null
  /** What is wrong, in the order of the log. Nothing is, when it is empty. */
  findings: Finding<FindingCode>[]
  /** How many more there are, of which only the number is kept. */
  moreFindings: number
  /** What is not wrong, but is to be known. */
  notes: Finding<NoteCode>[]
  moreNotes: number
}
