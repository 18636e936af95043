import { AuditLogError } from './audit-log-error.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { hashLength } from './merkle-hash.ts'
import { type LogKey, type Note, parseNote, signNote, type VerifierKey, verifyNote } from './signed-note.ts'

/** What a log says about itself at one size (c2sp.org/tlog-checkpoint). */
export interface Checkpoint {
  /** Name of the log, which is that of its key. */
  origin: string
  /** Number of records. */
  size: number
  /** Root hash at this size, 32 bytes. */
  root: Uint8Array
}

/** A checkpoint with its note taken apart; nothing of it is verified. */
export interface ParsedCheckpoint extends Checkpoint, Note {}

/** Signs a checkpoint: the whole text of the note. The key must be that of the origin. */
export function signCheckpoint(key: LogKey, { origin, size, root }: Checkpoint): Promise<string> {
  return signNote(key, `${origin}\n${size}\n${toBase64(root)}\n`)
}

/**
 * Reads the note of a checkpoint, without verifying anything. Extension lines are allowed and passed over.
 * @throws AuditLogError `malformed`
 */
export function parseCheckpoint(text: string): ParsedCheckpoint {
  const note = parseNote(text)
  const lines = note.body.slice(0, -1).split('\n')
  const [origin, size, encodedRoot] = lines
  if (lines.includes('') || size === undefined || encodedRoot === undefined || !/^(0|[1-9][0-9]{0,15})$/.test(size))
    throw notACheckpoint()
  const root = fromBase64(encodedRoot)
  if (root.length !== hashLength || !Number.isSafeInteger(Number(size))) throw notACheckpoint()
  return { origin: origin!, size: Number(size), root, ...note }
}

/**
 * Reads and verifies a checkpoint.
 * @throws AuditLogError `malformed`; `other-log` when the origin is not the name of the key; `other-key`; `bad-signature`
 */
export async function openCheckpoint(text: string, key: VerifierKey): Promise<Checkpoint> {
  const checkpoint = parseCheckpoint(text)
  await verifyCheckpoint(checkpoint, key)
  return { origin: checkpoint.origin, size: checkpoint.size, root: checkpoint.root }
}

/**
 * Verifies a checkpoint that was read before.
 * @throws AuditLogError `other-log`, `other-key`, `bad-signature`
 */
export async function verifyCheckpoint(checkpoint: ParsedCheckpoint, key: VerifierKey): Promise<void> {
  if (checkpoint.origin !== key.name) throw new AuditLogError('other-log')
  await verifyNote(checkpoint, key)
}

function notACheckpoint(): AuditLogError {
  return new AuditLogError('malformed', 'The text is not a checkpoint.')
}
