import { setImmediate } from 'node:timers/promises'
import { checkpointLine, headLine, recordLine } from '@sealmq/audit-log'
import type { Logger } from '../logger.ts'
import type { Database } from '../store/schema.ts'
import type { AuditLog } from './audit-log.ts'
import { edgeAt } from './tiles.ts'

const recordsAtOnce = 1000
/** Rows of one statement: SQLite answers on the event loop. */
const sizesAtOnce = 10_000

export interface ExportOptions {
  store: Database
  audit: AuditLog
  logger: Pick<Logger, 'error'>
  /** Position of the first record. */
  from: number
}

/**
 * The log as JSON lines (docs/audit.md), each with its newline, some hundred kilobytes at a time. It ends with a checkpoint
 * of what was there when it began. What cannot be read is left out: the verifier names it.
 */
export async function* exportLog({ store, audit, logger, from }: ExportOptions): AsyncGenerator<string> {
  const { size, key } = await audit.checkpoint()
  const start = Math.min(from, size)
  const sizes = await checkpointSizes(store, start, size)
  const edge = start > 0 ? { edge: await edgeAt(store, start) } : {}
  yield `${headLine({ origin: audit.origin, key, from: start, size, checkpoints: sizes.length, ...edge })}\n`
  for (let at = start; at < size; at += recordsAtOnce) {
    yield (await readRecords(store, at, Math.min(at + recordsAtOnce, size), logger))
      .map(({ hash, record }) => `${recordLine(hash, record)}\n`)
      .join('')
  }
  for (let at = 0; at < sizes.length; at += recordsAtOnce) {
    const wanted = sizes.slice(at, at + recordsAtOnce)
    const checkpoints = await store
      .selectFrom('audit_checkpoints')
      .select(['size', 'note', 'time'])
      .where('size', '>=', wanted[0]!)
      .where('size', '<=', wanted.at(-1)!)
      .orderBy('size')
      .execute()
    // One of an earlier size that was entered meanwhile is none of those that the head has counted.
    const counted = new Set(wanted)
    yield checkpoints
      .filter((checkpoint) => counted.has(checkpoint.size))
      .map(({ note, time }) => `${checkpointLine(note, time)}\n`)
      .join('')
  }
}

/** The sizes of which there are checkpoints: their notes, one a minute for years, are not to be held all at once. */
async function checkpointSizes(store: Database, from: number, to: number): Promise<number[]> {
  const sizes: number[] = []
  for (let next = from; ; ) {
    const rows = await store
      .selectFrom('audit_checkpoints')
      .select('size')
      .where('size', '>=', next)
      .where('size', '<=', to)
      .orderBy('size')
      .limit(sizesAtOnce)
      .execute()
    for (const { size } of rows) sizes.push(size)
    if (rows.length < sizesAtOnce) return sizes
    next = rows.at(-1)!.size + 1
    await setImmediate()
  }
}

type Row = { hash: Uint8Array; record: string }

async function readRecords(store: Database, from: number, to: number, logger: ExportOptions['logger']): Promise<Row[]> {
  try {
    return await store
      .selectFrom('audit_records')
      .select(['hash', 'record'])
      .where('position', '>=', from)
      .where('position', '<', to)
      .orderBy('position')
      .execute()
  } catch (error) {
    if (to - from > 1) {
      const middle = Math.floor((from + to) / 2)
      return [...(await readRecords(store, from, middle, logger)), ...(await readRecords(store, middle, to, logger))]
    }
    logger.error({ position: from, error: String(error) }, 'a record of the audit log cannot be read')
    return []
  }
}
