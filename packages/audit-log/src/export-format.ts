import { AuditLogError } from './audit-log-error.ts'
import { fromBase64, toBase64 } from './base64.ts'
import { toHex } from './bytes.ts'

/** The lines of an export, in the order head, records, checkpoints; docs/audit.md. None has its newline. */

const exportFormat = 'sealmq-audit-1'

/** The longest line that is read, in UTF-16 code units. */
export const maximumLineLength = 1024 * 1024

/** What the first line says. Nobody has signed it: it is for finding a cut, and for knowing what to compare. */
export interface ExportHead {
  /** Name of the log. */
  origin: string
  /** Key of the log, as `verifierKey` writes it. */
  key: string
  /** Position of the first record here. */
  from: number
  /** Position behind the last record here, which is the size of the log as far as it is exported. */
  size: number
  /** How many checkpoints follow the records. */
  checkpoints: number
  /** `MerkleEdge.bytes()` of the tree before the first record; only when `from` is above 0. */
  edge?: Uint8Array
}

export interface RecordLine {
  kind: 'record'
  /** Leaf hash of the record as 64 lower-case hexadecimal digits. */
  hash: string
  /** The record, byte for byte. */
  text: string
}

export interface CheckpointLine {
  kind: 'checkpoint'
  note: string
  /** When it was signed, authority time in ms. Not signed itself. */
  time: number
}

export type ExportLine = ({ kind: 'head' } & ExportHead) | RecordLine | CheckpointLine

/** First line of an export. */
export function headLine({ origin, key, from, size, checkpoints, edge }: ExportHead): string {
  return JSON.stringify({
    format: exportFormat,
    origin,
    key,
    from,
    size,
    checkpoints,
    ...(from > 0 && edge ? { edge: toBase64(edge) } : {}),
  })
}

const recordStart = '{"hash":"'
const recordMiddle = '","record":'
const hashEnd = recordStart.length + 64
const recordAt = hashEnd + recordMiddle.length

/**
 * Line of a record.
 * @param hash leaf hash, 32 bytes
 * @param record as it is stored, which is how it stands in the line
 */
export function recordLine(hash: Uint8Array, record: string): string {
  return `${recordStart}${toHex(hash)}${recordMiddle}${record}}`
}

/** Line of a checkpoint. They follow in ascending order of their sizes. */
export function checkpointLine(note: string, time: number): string {
  return JSON.stringify({ checkpoint: note, time })
}

/**
 * Reads a line. The record of a line is cut out of it byte for byte and not read here.
 * @throws AuditLogError `malformed`
 */
export function parseLine(line: string): ExportLine {
  if (line.length > maximumLineLength) throw notALine()
  if (line.startsWith(recordStart)) return parseRecordLine(line)
  const fields = parseObject(line)
  if (fields.format === exportFormat) return { kind: 'head', ...readHead(fields) }
  if (typeof fields.checkpoint !== 'string' || !isSize(fields.time)) throw notALine()
  return { kind: 'checkpoint', note: fields.checkpoint, time: fields.time }
}

function parseRecordLine(line: string): RecordLine {
  const hash = line.slice(recordStart.length, hashEnd)
  if (line.slice(hashEnd, recordAt) !== recordMiddle || !line.endsWith('}') || !/^[0-9a-f]{64}$/.test(hash))
    throw notALine()
  return { kind: 'record', hash, text: line.slice(recordAt, -1) }
}

function readHead(fields: Record<string, unknown>): ExportHead {
  const { origin, key, from, size, checkpoints, edge } = fields
  // As names of keys are, and safe to show: it is said in messages before anything is proved.
  if (typeof origin !== 'string' || !/^[!-*,-~]{1,200}$/.test(origin)) throw notALine()
  if (typeof key !== 'string' || !isSize(from) || !isSize(size) || size < from || !isSize(checkpoints)) throw notALine()
  if (from === 0) return { origin, key, from, size, checkpoints }
  if (typeof edge !== 'string') throw notALine()
  return { origin, key, from, size, checkpoints, edge: fromBase64(edge) }
}

function parseObject(line: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(line)
  } catch {
    throw notALine()
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notALine()
  return value as Record<string, unknown>
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function notALine(): AuditLogError {
  return new AuditLogError('malformed', 'The line is not one of an export.')
}
