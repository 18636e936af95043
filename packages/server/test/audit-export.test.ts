import { expect, it } from 'vitest'
import { appendRecords } from '../src/audit/append.ts'
import { AuditLog } from '../src/audit/audit-log.ts'
import { exportLog } from '../src/audit/export-log.ts'
import { openStore } from '../src/store/open-store.ts'
import { system } from './audit-stage.ts'
import { newLog } from './new-log.ts'
import { testOptions } from './test-authority.ts'

it('an export hands over many checkpoints piece by piece, as many as its head says', async () => {
  const store = await openStore(`${testOptions().dataDir}/sealmq.db`)
  const now = () => 1
  const audit = await AuditLog.open({ store, key: await newLog(store), now, published: () => {} })
  const count = 3_000
  const record = { event: { action: 'mail.test' } as const, origin: system }
  await store
    .transaction()
    .execute((transaction) => appendRecords(transaction, Array<typeof record>(count).fill(record), now()))
  const checkpointOf = (size: number) => ({ size, time: size, note: `note ${size} ${'x'.repeat(300)}` })
  const earlier = Array.from({ length: count - 1 }, (_, index) => index + 1).filter((size) => size !== 700)
  for (let at = 0; at < earlier.length; at += 1000)
    await store
      .insertInto('audit_checkpoints')
      .values(earlier.slice(at, at + 1000).map(checkpointOf))
      .execute()
  const parts: string[] = []
  for await (const part of exportLog({ store, audit, logger: { error: () => {} }, from: 0 })) {
    if (parts.length === 0) await store.insertInto('audit_checkpoints').values(checkpointOf(700)).execute()
    parts.push(part)
  }
  const lines = parts.map((part) => part.trimEnd().split('\n'))
  const head = JSON.parse(lines[0]![0]!)
  const checkpoints = lines.flat().filter((line) => line.startsWith('{"checkpoint"'))
  expect([head.checkpoints, checkpoints.length]).toEqual([count - 1, count - 1])
  expect(checkpoints.slice(0, -1).map((line) => JSON.parse(line).time)).toEqual(earlier)
  const inOnePart = lines.map((part) => part.filter((line) => line.startsWith('{"checkpoint"')).length)
  expect(Math.max(...inOnePart)).toBeLessThanOrEqual(1000)
  await store.destroy()
})

it('checkpoints on demand are sixty new ones a minute, whoever asks', async () => {
  const store = await openStore(`${testOptions().dataDir}/sealmq.db`)
  let time = 0
  const key = await newLog(store)
  const published: number[] = []
  const audit = await AuditLog.open({ store, key, now: () => time, published: ({ size }) => published.push(size) })
  const append = () =>
    store
      .transaction()
      .execute((transaction) => appendRecords(transaction, [{ event: { action: 'mail.test' }, origin: system }], time))
  for (let count = 1; count <= 100; count++) {
    await append()
    // Asking again costs nothing.
    for (let again = 0; again < 2; again++) expect((await audit.demanded()).size).toBe(Math.min(count, 60))
  }
  expect(published).toHaveLength(60)
  // The authority's own duty and proofs are not held up.
  expect((await audit.checkpoint()).size).toBe(100)
  expect((await audit.demanded()).size).toBe(100)
  await append()
  expect((await audit.demanded()).size).toBe(100)
  time = 60_000
  expect((await audit.demanded()).size).toBe(101)
  await store.destroy()
})
