import type { AuditQuery } from '@sealmq/protocol/api'
import { beforeAll, expect, it } from 'vitest'
import { findRecords } from '../src/audit/records.ts'
import type { Database, Schema } from '../src/store/schema.ts'
import { onEachEngine } from './engines.ts'
import { newLog } from './new-log.ts'

const count = 9_500
/** Before the clock was set back for a while, and after. */
const timeOf = (position: number) => (position >= 5_000 && position < 5_100 ? position - 4_000 : position)
const actionOf = (position: number) => (position % 4_000 === 7 ? 'member.remove' : 'message.accept')
const actorOf = (position: number) => (position % 3_000 === 1 ? 'ada@plant.example' : null)
const resultOf = (position: number) => (position === 11 ? 'refused' : 'done')

function rowOf(position: number): Schema['audit_records'] {
  return {
    position,
    hash: new Uint8Array(32),
    record: JSON.stringify({ position }),
    time: timeOf(position),
    action: actionOf(position),
    result: resultOf(position),
    member_id: null,
    actor: actorOf(position),
    channel: position % 2 === 0 ? 'even' : null,
  }
}

const fits = (position: number, { since, until, actor, action, result, channel }: AuditQuery) =>
  (since === undefined || timeOf(position) >= since) &&
  (until === undefined || timeOf(position) < until) &&
  (actor === undefined || actorOf(position) === actor) &&
  (action === undefined || actionOf(position).startsWith(action.replace('.*', ''))) &&
  (result === undefined || resultOf(position) === result) &&
  (channel === undefined || position % 2 === 0)

onEachEngine('records that are asked for', ({ openSeveral }) => {
  let store: Database

  beforeAll(async () => {
    ;[store] = (await openSeveral(1)) as [Database]
    await newLog(store)
    for (let start = 0; start < count; start += 500)
      await store
        .insertInto('audit_records')
        .values(Array.from({ length: 500 }, (_, index) => rowOf(start + index)))
        .execute()
    await store.updateTable('audit_log').set({ size: count }).execute()
  })

  it.each<AuditQuery>([
    {},
    { result: 'refused' },
    { action: 'member.*' },
    { action: 'member' },
    { action: 'member.remove', channel: 'even' },
    { action: 'mail.*' },
    { actor: 'ada@plant.example' },
    { since: 9_300 },
    { since: 1_050, until: 1_080 },
    { until: 40, result: 'refused' },
    { since: 20_000 },
    { until: 0 },
  ])('are found from both ends, page by page: %j', async (filter) => {
    const all = Array.from({ length: count }, (_, position) => position).filter((position) => fits(position, filter))
    for (const options of [{}, { patience: 0 }]) {
      const forwards: number[] = []
      for (let from: number | null = 0; from !== null; ) {
        const page = await findRecords(store, { ...filter, from, limit: 1000 }, options)
        forwards.push(...page.records.map(({ position }) => position))
        from = page.next
      }
      expect(forwards).toEqual(all)
      let backwards: number[] = []
      let before: number | null | undefined
      while (before !== null) {
        const query: AuditQuery = { ...filter, ...(before === undefined ? {} : { before }), limit: 1000 }
        const page = await findRecords(store, query, options)
        backwards = [...page.records.map(({ position }) => position), ...backwards]
        before = page.next
      }
      expect(backwards).toEqual(all)
    }
  })

  it('leave others their turn while a rare one is looked for', async () => {
    let turns = 0
    let isOver = false
    const turn = () => {
      turns++
      if (!isOver) setImmediate(turn)
    }
    turn()
    const { records } = await findRecords(store, { result: 'refused', limit: 1 })
    isOver = true
    expect(records).toEqual([{ position: 11 }])
    expect(turns).toBeGreaterThan(2)
  })
})
