import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { fileURLToPath } from 'node:url'
import {
  type AuditEvent,
  type AuditOrigin,
  checkpointLine,
  encodeRecord,
  headLine,
  importLogKey,
  leafHash,
  MerkleEdge,
  makeLogKey,
  recordLine,
  signCheckpoint,
  verifierKey,
} from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import { sql } from 'kysely'
import { appendRecords } from '../../packages/server/src/audit/append.ts'
import { loadLogKey } from '../../packages/server/src/audit/log-key.ts'
import { recordAlone } from '../../packages/server/src/audit/recording.ts'
import { MasterKey } from '../../packages/server/src/keys/master-key.ts'
import { openStore } from '../../packages/server/src/store/open-store.ts'
import type { Database } from '../../packages/server/src/store/schema.ts'
import { PostgresCluster } from '../../packages/server/test/postgres-cluster.ts'
import type { VerificationOrder, VerificationResult } from './audit-log-process.ts'
import type { Bar } from './bars.ts'

/** What appending costs on one engine. */
export interface AppendFigures {
  engine: string
  /** Records a second, many in a transaction. */
  batched: number
  /** Records a second, each in a transaction of its own that is synced before the next begins. */
  single: number
  /** Of the store, with its indexes, bytes a record. */
  size: number
}

export interface AuditFigures {
  appends: AppendFigures[]
  verification: VerificationResult
}

const batch = 500
const origin: AuditOrigin = {
  actor: {
    kind: 'member',
    member: '5e0a1c1e-6a0b-4c3f-9a0f-0a3b9a5b2f11',
    sender: null,
    name: 'ada.lovelace@plant.example',
    roles: ['controller', 'viewer'],
  },
  address: '192.0.2.17',
  request: '0b2c1a52-93f7-4f0e-b6a3-5a6b1e7f0d55',
}
const event: AuditEvent = {
  action: 'login.try',
  on: { kind: 'session', id: '8a1e0f0c-2b6d-4a55-8f3e-6d0a7c9b1e42', name: null },
  detail: { factor: 'totp', knownDevice: true },
}

/** Appends on both engines, each as safe against a crash as the authority has it; then verifies a large export. */
export async function measureAuditLog(progress: (text: string) => void, seconds = 3): Promise<AuditFigures> {
  const folder = await mkdtemp(join(tmpdir(), 'sealmq-bench-audit-log-'))
  try {
    const file = join(folder, 'sealmq.db')
    progress('append, SQLite')
    const appends = [await measureAppends('SQLite', file, seconds, sizeOfFile(file))]
    progress('append, PostgreSQL')
    const cluster = await PostgresCluster.start()
    try {
      appends.push(await measureAppends('PostgreSQL', await cluster.createDatabase(), seconds, sizeOfTables))
    } finally {
      await cluster.stop()
    }
    const order = await makeExport(join(folder, 'log.jsonl'), 1_000_000, progress)
    progress(`verify ${order.records} records`)
    return { appends, verification: await verifyInChild(order) }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The bars of the audit log. */
export function auditLogBars({ appends, verification }: AuditFigures): Bar[] {
  const { records, seconds, peak } = verification
  return [
    ...appends.flatMap(({ engine, batched, single }) => [
      {
        what: `records appended a second in batches, ${engine}`,
        wanted: '≥ 5000',
        measured: batched,
        met: batched >= 5000,
      },
      {
        what: `records appended a second one by one, synced, ${engine}`,
        wanted: '≥ 500',
        measured: single,
        met: single >= 500,
      },
    ]),
    { what: `verification of ${records} records, s`, wanted: '< 60', measured: seconds, met: seconds < 60 },
    { what: `memory at most meanwhile, MB`, wanted: '< 300', measured: peak, met: peak < 300 },
  ]
}

async function measureAppends(
  engine: string,
  location: string,
  seconds: number,
  sizeOf: (store: Database) => Promise<number>,
): Promise<AppendFigures> {
  const store = await openStore(location)
  try {
    await loadLogKey(store, new MasterKey(randomBytes(32)), randomBytes(16))
    const now = () => Date.now()
    const records = Array.from({ length: batch }, () => ({ event, origin }))
    const appendBatch = () => store.transaction().execute((transaction) => appendRecords(transaction, records, now()))
    const appendOne = () => recordAlone({ store, by: origin, now }, event)
    await appendOne()
    const before = await sizeOf(store)
    const batches = await rateOf(appendBatch, seconds)
    const size = ((await sizeOf(store)) - before) / (batches.count * batch)
    await repeat(appendOne, 0.5)
    const single = await rateOf(appendOne, seconds)
    return { engine, batched: batches.rate * batch, single: single.rate, size }
  } finally {
    await store.destroy()
  }
}

async function repeat(work: () => Promise<unknown>, seconds: number): Promise<number> {
  let count = 0
  for (const end = performance.now() + seconds * 1000; performance.now() < end; count++) await work()
  return count
}

async function rateOf(work: () => Promise<unknown>, seconds: number): Promise<{ count: number; rate: number }> {
  const begin = performance.now()
  const count = await repeat(work, seconds)
  return { count, rate: (count * 1000) / (performance.now() - begin) }
}

const sizeOfFile = (file: string) => async (store: Database) => {
  await sql`pragma wal_checkpoint(truncate)`.execute(store)
  return (await stat(file)).size
}

async function sizeOfTables(store: Database): Promise<number> {
  const { rows } = await sql<{ size: number }>`select
    pg_total_relation_size('audit_records') + pg_total_relation_size('audit_tiles') as size`.execute(store)
  return rows[0]!.size
}

/** An export as the authority writes it, with a checkpoint after each thousand records. */
async function makeExport(file: string, records: number, progress: (text: string) => void): Promise<VerificationOrder> {
  progress(`make an export of ${records} records`)
  const { privateKey, publicKey } = await makeLogKey()
  const name = `sealmq/${randomBytes(16).toString('hex')}`
  const key = await importLogKey(name, privateKey, publicKey)
  const vkey = await verifierKey(name, publicKey)
  const step = 1000
  const begin = Date.now()
  const lines = async function* () {
    const head = { origin: name, key: vkey, from: 0, size: records, checkpoints: records / step }
    yield `${headLine(head)}\n`
    const edge = MerkleEdge.empty(sha256)
    const checkpoints: string[] = []
    let text = ''
    for (let position = 0; position < records; position++) {
      const { action, on = null, detail = {} } = event
      const record = encodeRecord({
        position,
        time: begin + position,
        action,
        result: 'done',
        code: null,
        ...origin,
        on,
        channel: null,
        detail,
      })
      const leaf = leafHash(sha256, Buffer.from(record))
      edge.append(leaf)
      text += `${recordLine(leaf, record)}\n`
      if ((position + 1) % step !== 0) continue
      yield text
      text = ''
      const note = await signCheckpoint(key, { origin: name, size: edge.size, root: edge.root() })
      checkpoints.push(checkpointLine(note, begin + position))
    }
    yield `${checkpoints.join('\n')}\n`
  }
  await pipeline(Readable.from(lines(), { objectMode: false }), createWriteStream(file))
  return { file, records, key: vkey }
}

async function verifyInChild(order: VerificationOrder): Promise<VerificationResult> {
  const child = fork(fileURLToPath(new URL('./audit-log-process.ts', import.meta.url)))
  const ended = once(child, 'exit').then(([code]) => Promise.reject(new Error(`the verification ended with ${code}`)))
  ended.catch(() => {})
  child.send(order)
  const [result] = (await Promise.race([once(child, 'message'), ended])) as [VerificationResult]
  child.disconnect()
  return result
}
