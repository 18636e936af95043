import {
  type AuditRecord,
  decodeRecord,
  leafHash,
  MerkleEdge,
  openCheckpoint,
  parseVerifierKey,
} from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import { type AuditCheckpoint, routes } from '@sealmq/protocol/api'
import { expect } from 'vitest'
import type { Schedule } from '../src/schedule.ts'
import type { Database } from '../src/store/schema.ts'
import type { TestAuthority } from './test-authority.ts'

/** All records of one action, or all, as the store has them. */
export async function recordsOf(store: Database, action?: string): Promise<AuditRecord[]> {
  const rows = await store.selectFrom('audit_records').select('record').orderBy('position').execute()
  return rows.map(({ record }) => decodeRecord(record)).filter((record) => !action || record.action === action)
}

/** What is appended while something is done. */
export async function recordsWhile(authority: TestAuthority, work: () => Promise<unknown>): Promise<AuditRecord[]> {
  const store = await authority.database()
  const before = await recordsOf(store)
  await work()
  return (await recordsOf(store)).slice(before.length)
}

/** That the log is what a signed checkpoint of now says, computed anew from the records. */
export async function verifyLog(authority: TestAuthority): Promise<void> {
  const store = await authority.database()
  const { body } = await authority.askAdmin<AuditCheckpoint>('POST', routes.auditCheckpoint)
  const { size, root } = await openCheckpoint(body.note, await parseVerifierKey(body.key))
  const edge = MerkleEdge.from(sha256, 0, new Uint8Array(0))
  const rows = await store.selectFrom('audit_records').selectAll().orderBy('position').execute()
  for (const [index, { record, hash }] of rows.entries()) {
    expect(decodeRecord(record).position).toBe(index)
    expect(Buffer.from(leafHash(sha256, Buffer.from(record)))).toEqual(Buffer.from(hash))
    if (index < size) edge.append(leafHash(sha256, Buffer.from(record)))
  }
  expect(rows).toHaveLength(size)
  expect(Buffer.from(edge.root())).toEqual(Buffer.from(root))
}

/** Timers that wait until a test lets their time pass. */
export class ManualTimers {
  readonly #waiting = new Set<{ work: () => void; delay: number }>()

  readonly schedule: Schedule = (work, delay) => {
    const timer = { work, delay }
    this.#waiting.add(timer)
    return () => void this.#waiting.delete(timer)
  }

  get delays(): number[] {
    return [...this.#waiting].map(({ delay }) => delay)
  }

  /** Lets all pass that wait for this long. */
  elapse(delay: number): void {
    const due = [...this.#waiting].filter((timer) => timer.delay === delay)
    for (const timer of due) {
      this.#waiting.delete(timer)
      timer.work()
    }
  }
}
