import { fromHex, toHex } from './bytes.ts'
import type { RecordLine } from './export-format.ts'
import { leafHash, type Sha256 } from './merkle-hash.ts'
import { type AuditRecord, decodeRecord } from './record.ts'

/** One line of an export that should be a record. */
export interface RecordEntry {
  /** Line of the file, from 1. */
  line: number
  /** `altered`: does not fit its hash, so that its position proves nothing; `malformed`: cannot be read. */
  fault: 'altered' | 'malformed' | null
  /** Leaf hash as the line says; null when it says none. */
  hash: Uint8Array | null
  /** What the record says; null when it cannot be read. */
  position: number | null
  time: number | null
  action: string | null
}

const encoder = new TextEncoder()

/** Takes the line of a record and compares it with its hash. */
export function readEntry(sha256: Sha256, { hash, text }: RecordLine, line: number): RecordEntry {
  const computed = leafHash(sha256, encoder.encode(text))
  const isFitting = text.isWellFormed() && toHex(computed) === hash
  const record = readRecord(text)
  const { position = null, time = null, action = null } = record ?? {}
  const fault = isFitting ? (record ? null : 'malformed') : 'altered'
  return { line, fault, hash: isFitting ? computed : fromHex(hash), position, time, action }
}

/** A line that is none of an export: its hash may still be there, so that what stands behind it can be proved. */
export function unreadableEntry(text: string, line: number): RecordEntry {
  const hash = /^\{"hash":"([0-9a-f]{64})"/.exec(text.slice(0, 80))?.[1]
  return {
    line,
    fault: 'malformed',
    hash: hash === undefined ? null : fromHex(hash),
    position: null,
    time: null,
    action: null,
  }
}

/** A record as people find it: its number, when and what. */
export function describe({ time, action }: Pick<RecordEntry, 'time' | 'action'>, position: number | null): string {
  const name = position === null ? 'a record' : `record ${position}`
  return time === null || action === null ? `${name} (not readable)` : `${name} (${shownTime(time)}, ${action})`
}

/** In UTC. */
export function shownTime(time: number): string {
  return new Date(time).toISOString()
}

/** For the beginning of a sentence. */
export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function readRecord(text: string): AuditRecord | null {
  try {
    return decodeRecord(text)
  } catch {
    return null
  }
}
