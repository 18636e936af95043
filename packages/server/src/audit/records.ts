import { setImmediate } from 'node:timers/promises'
import { auditActions } from '@sealmq/audit-log'
import type { AuditFilter, AuditPage, AuditQuery, AuditRecordInfo } from '@sealmq/protocol/api'
import { type SelectQueryBuilder, sql } from 'kysely'
import type { Database, Schema } from '../store/schema.ts'

type Records<O> = SelectQueryBuilder<Schema, 'audit_records', O>

/** Records that one statement looks through: SQLite answers on the event loop, which must not stand still meanwhile. */
const window = 4_000
/** After so long a page is given as far as it has come, ms. */
const patience = 2_000

export interface FindOptions {
  /** ms; default 2,000. */
  patience?: number
}

/** A page of the log, in its order. One that took long holds less than was asked for, and says where to go on. */
export async function findRecords(store: Database, query: AuditQuery, options: FindOptions = {}): Promise<AuditPage> {
  const { before, from, limit = 100 } = query
  const { size } = await store.selectFrom('audit_log').select('size').executeTakeFirstOrThrow()
  const isForward = from !== undefined
  const times = await positionsOf(store, query)
  let low = Math.max(from ?? 0, times.low)
  let high = Math.min(before ?? size, times.high, size)
  const rows: Pick<Schema['audit_records'], 'position' | 'record'>[] = []
  const end = performance.now() + (options.patience ?? patience)
  while (low < high && rows.length <= limit) {
    const [start, stop] = isForward ? [low, Math.min(high, low + window)] : [Math.max(low, high - window), high]
    const found = await fitting(store.selectFrom('audit_records').select(['position', 'record']), query)
      .where('position', '>=', start)
      .where('position', '<', stop)
      .orderBy('position', isForward ? 'asc' : 'desc')
      .limit(limit + 1 - rows.length)
      .execute()
    rows.push(...found)
    if (isForward) low = stop
    else high = start
    if (performance.now() >= end) break
    await setImmediate()
  }
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const isFull = rows.length > limit && last !== undefined
  const goingOn = isForward ? (isFull ? last.position + 1 : low) : isFull ? last.position : high
  const next = isFull || low < high ? goingOn : null
  if (!isForward) page.reverse()
  return { records: page.map(({ record }) => JSON.parse(record) as AuditRecordInfo), size, next }
}

// The index of times has their positions in it. A clock may have been set back: the bounds hold all that fits, and more.
async function positionsOf(store: Database, { since, until }: AuditFilter): Promise<{ low: number; high: number }> {
  const records = () => store.selectFrom('audit_records')
  const first =
    since === undefined
      ? 0
      : (
          await records()
            .select((eb) => eb.fn.min<number | null>(plain('position')).as('position'))
            .where('time', '>=', since)
            .executeTakeFirstOrThrow()
        ).position
  const last =
    until === undefined
      ? Number.MAX_SAFE_INTEGER - 1
      : (
          await records()
            .select((eb) => eb.fn.max<number | null>(plain('position')).as('position'))
            .where('time', '<', until)
            .executeTakeFirstOrThrow()
        ).position
  return first === null || last === null ? { low: 0, high: 0 } : { low: first, high: last + 1 }
}

/** A column with a sign before it, for which no engine takes an index. */
const plain = (column: 'position' | 'time') => sql<number>`+${sql.ref(column)}`

function fitting<O>(records: Records<O>, { since, until, actor, action, result, channel }: AuditFilter): Records<O> {
  // The window bounds what is looked through, not the index of times.
  const time = plain('time')
  return records
    .$if(since !== undefined, (asked) => asked.where(time, '>=', since!))
    .$if(until !== undefined, (asked) => asked.where(time, '<', until!))
    .$if(actor !== undefined, (asked) =>
      asked.where((eb) => eb.or([eb('actor', '=', actor!.toLowerCase()), eb('member_id', '=', actor!)])),
    )
    .$if(action !== undefined, (asked) => asked.where('action', 'in', actionsOf(action!)))
    .$if(result !== undefined, (asked) => asked.where('result', '=', result!))
    .$if(channel !== undefined, (asked) => asked.where('channel', '=', channel!))
}

// `member` and `member.*` stand for all that begin with it. By name, since no engine takes an index for a beginning.
function actionsOf(action: string): string[] {
  if (action.includes('.') && !action.endsWith('.*')) return [action]
  const beginning = `${action.replace(/\.\*$/, '')}.`
  const actions = Object.keys(auditActions).filter((known) => known.startsWith(beginning))
  return actions.length > 0 ? actions : [action]
}
