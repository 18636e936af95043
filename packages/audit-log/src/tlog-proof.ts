import { AuditLogError } from './audit-log-error.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { type Checkpoint, parseCheckpoint, verifyCheckpoint } from './checkpoint.ts'
import { hashLength, leafHash, type Sha256 } from './merkle-hash.ts'
import { verifyInclusion } from './proofs.ts'
import { type AuditRecord, decodeRecord } from './record.ts'
import type { VerifierKey } from './signed-note.ts'

/** Proof files as c2sp.org/tlog-proof@v1 has them, with the bytes of the record as extra data. */

const firstLine = 'c2sp.org/tlog-proof@v1'
const maximumProofLength = 4 * 1024 * 1024
// A tree of 2^53 leaves is as high.
const maximumHashes = 53

/** That one record is in the log of a checkpoint. */
export interface LogProof {
  /** The record, byte for byte as it is in the log. */
  record: string
  position: number
  /** From the leaf's sibling upwards, 32 bytes each. */
  proof: readonly Uint8Array[]
  /** Note of the checkpoint, whose tree has the record. */
  checkpoint: string
}

/** What a proof has proved. */
export interface ProvedRecord {
  record: AuditRecord
  /** The record, byte for byte. */
  text: string
  checkpoint: Checkpoint
}

/** The text of a proof file. */
export function formatProof({ record, position, proof, checkpoint }: LogProof): string {
  const extra = toBase64(new TextEncoder().encode(record))
  const hashes = proof.map((hash) => `${toBase64(hash)}\n`).join('')
  return `${firstLine}\nextra ${extra}\nindex ${position}\n${hashes}\n${checkpoint}`
}

/**
 * Reads a proof file, without verifying anything.
 * @throws AuditLogError `malformed`
 */
export function parseProof(text: string): LogProof {
  const end = text.indexOf('\n\n')
  if (text.length > maximumProofLength || end < 0) throw notAProof()
  const [first, extra, index, ...hashes] = text.slice(0, end).split('\n')
  const record = /^extra ([A-Za-z0-9+/]+={0,2})$/.exec(extra ?? '')?.[1]
  const position = /^index (0|[1-9][0-9]{0,15})$/.exec(index ?? '')?.[1]
  if (first !== firstLine || record === undefined || position === undefined || hashes.length > maximumHashes)
    throw notAProof()
  if (!Number.isSafeInteger(Number(position))) throw notAProof()
  const proof = hashes.map(fromBase64)
  if (proof.some((hash) => hash.length !== hashLength)) throw notAProof()
  return { record: decodeText(fromBase64(record)), position: Number(position), proof, checkpoint: text.slice(end + 2) }
}

/**
 * Verifies a proof file with nothing but the key of the log.
 * @throws AuditLogError `malformed`, `other-log`, `other-key`, `bad-signature`; `not-included` when the record is not in the
 *   tree of the checkpoint; `misplaced` when it is, with the number of another position
 */
export async function verifyProof(sha256: Sha256, text: string, key: VerifierKey): Promise<ProvedRecord> {
  const { record: recordText, position, proof, checkpoint: note } = parseProof(text)
  const { origin, size, root, ...signed } = parseCheckpoint(note)
  await verifyCheckpoint({ origin, size, root, ...signed }, key)
  const leaf = leafHash(sha256, new TextEncoder().encode(recordText))
  if (!verifyInclusion(sha256, { leaf, position, size, root, proof })) throw new AuditLogError('not-included')
  const record = decodeRecord(recordText)
  if (record.position !== position) throw new AuditLogError('misplaced')
  return { record, text: recordText, checkpoint: { origin, size, root } }
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    throw notAProof()
  }
}

function notAProof(): AuditLogError {
  return new AuditLogError('malformed', 'The text is not the proof of a record.')
}
