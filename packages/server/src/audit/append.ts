import { type AuditEvent, type AuditOrigin, encodeRecord, leafHash, MerkleEdge } from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import type { DatabaseTransaction, Schema } from '../store/schema.ts'
import { system } from './actors.ts'
import { tileHeight, writeTile } from './tiles.ts'

/** Both engines take at most 32,766 values in a statement. */
const rowsAtOnce = 1000
/** A clock that was set back by more is recorded, ms. */
const clockTolerance = 1000

/** What is to be recorded, and by whom it was done. */
export interface NewRecord {
  event: AuditEvent
  origin: AuditOrigin
}

/**
 * Appends to the log, as the last act of a transaction: from here to its commit the log's row is locked, and everybody
 * else who appends waits.
 * @param now ms
 */
export async function appendRecords(
  transaction: DatabaseTransaction,
  records: readonly NewRecord[],
  now: number,
): Promise<void> {
  if (records.length === 0) return
  // Changes nothing and locks the row.
  const head = await transaction
    .updateTable('audit_log')
    .set((eb) => ({ size: eb.ref('size') }))
    .returning(['size', 'edge', 'last_time'])
    .executeTakeFirstOrThrow()
  const byMs = head.last_time - now
  const all = byMs > clockTolerance ? [clockBack(byMs), ...records] : records
  const edge = MerkleEdge.from(sha256, head.size, head.edge)
  const tiles: { level: number; index: number; root: Uint8Array }[] = []
  const rows: Schema['audit_records'][] = []
  for (const [index, { event, origin }] of all.entries()) {
    const row = asRow(event, origin, head.size + index, now)
    edge.append(row.hash, (level, number, root) => {
      if (level > 0 && level % tileHeight === 0) tiles.push({ level: level / tileHeight - 1, index: number, root })
    })
    rows.push(row)
  }
  for (let start = 0; start < rows.length; start += rowsAtOnce) {
    await transaction
      .insertInto('audit_records')
      .values(rows.slice(start, start + rowsAtOnce))
      .execute()
  }
  for (const { level, index, root } of tiles) await writeTile(transaction, level, index, root)
  const size = head.size + all.length
  await transaction.updateTable('audit_log').set({ size, edge: edge.bytes(), last_time: now }).execute()
}

const clockBack = (byMs: number): NewRecord => ({
  event: { action: 'authority.clock-back', detail: { byMs } },
  origin: system,
})

function asRow(event: AuditEvent, origin: AuditOrigin, position: number, time: number): Schema['audit_records'] {
  const record = encodeRecord({
    position,
    time,
    action: event.action,
    result: event.result ?? 'done',
    code: event.code ?? null,
    actor: origin.actor,
    address: origin.address,
    request: origin.request,
    on: event.on ?? null,
    channel: event.channel ?? null,
    detail: event.detail ?? {},
  })
  return {
    position,
    hash: leafHash(sha256, Buffer.from(record)),
    record,
    time,
    action: event.action,
    result: event.result ?? 'done',
    member_id: origin.actor.member,
    actor: origin.actor.name,
    channel: event.channel ?? null,
  }
}
