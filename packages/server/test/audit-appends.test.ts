import {
  type AuditOrigin,
  fromBase64,
  leafHash,
  MerkleEdge,
  parseProof,
  parseVerifierKey,
  verifyConsistency,
  verifyExport,
  verifyInclusion,
  verifyProof,
} from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import fc from 'fast-check'
import { beforeAll, expect, it } from 'vitest'
import { applyChange } from '../src/administration/change.ts'
import { appendRecords } from '../src/audit/append.ts'
import { AuditLog } from '../src/audit/audit-log.ts'
import { exportLog } from '../src/audit/export-log.ts'
import { recorded } from '../src/audit/recording.ts'
import { edgeAt } from '../src/audit/tiles.ts'
import { MasterKey } from '../src/keys/master-key.ts'
import type { Database } from '../src/store/schema.ts'
import { system } from './audit-stage.ts'
import { inParallel, onEachEngine } from './engines.ts'
import { newLog } from './new-log.ts'
import { begin } from './one-time-codes.ts'

const tileWidth = 256
const event = (name: string) => ({ action: 'mail.test', on: { kind: 'address', id: null, name } }) as const
const now = () => begin

/** The log of a store, and every leaf that it should have. */
class Log {
  readonly store: Database
  readonly audit: AuditLog
  leaves: Uint8Array[] = []
  /** Of the trees that end with each tile, so that the edge of any size is near. */
  #edges: Uint8Array[] = []

  private constructor(store: Database, audit: AuditLog) {
    this.store = store
    this.audit = audit
  }

  static async begin(store: Database): Promise<Log> {
    const key = await newLog(store)
    return new Log(store, await AuditLog.open({ store, key, now, published: () => {} }))
  }

  /** Reads the leaves out of the records themselves: their bytes, not the hashes beside them. */
  async readLeaves(): Promise<void> {
    const rows = await this.store
      .selectFrom('audit_records')
      .select(['position', 'record'])
      .orderBy('position')
      .execute()
    expect(rows.every(({ position }, index) => position === index)).toBe(true)
    this.leaves = rows.map(({ record }) => leafHash(sha256, Buffer.from(record)))
    this.#edges = []
    const edge = MerkleEdge.empty(sha256)
    for (const [index, leaf] of this.leaves.entries()) {
      if (index % tileWidth === 0) this.#edges.push(edge.bytes())
      edge.append(leaf)
    }
  }

  edge(size: number): MerkleEdge {
    const number = Math.min(Math.floor(size / tileWidth), this.#edges.length - 1)
    const start = number * tileWidth
    const edge = MerkleEdge.from(sha256, start, this.#edges[number]!)
    for (const leaf of this.leaves.slice(start, size)) edge.append(leaf)
    return edge
  }

  async export(from = 0): Promise<string[]> {
    const { store, audit } = this
    let text = ''
    for await (const part of exportLog({ store, audit, logger: { error: () => {} }, from })) text += part
    return text.split('\n').filter((line) => line !== '')
  }

  /** The head, the tiles and an export say what the records say. */
  async check(): Promise<void> {
    await this.readLeaves()
    const head = await this.store.selectFrom('audit_log').select(['size', 'edge']).executeTakeFirstOrThrow()
    expect(head.size).toBe(this.leaves.length)
    expect(Buffer.from(head.edge)).toEqual(Buffer.from(this.edge(head.size).bytes()))
    await this.#checkTiles()
    const report = await verifyExport(await this.export(), { sha256, key: this.audit.verifierKey })
    expect(report).toMatchObject({ findings: [], records: head.size, size: head.size })
  }

  async #checkTiles(): Promise<void> {
    const tiles = await this.store.selectFrom('audit_tiles').selectAll().orderBy('level').orderBy('number').execute()
    const found = tiles.map(({ level, number, hashes, root }) => ({
      level,
      number,
      hashes: Buffer.from(hashes).toString('hex'),
      root: Buffer.from(root).toString('hex'),
    }))
    const expected: typeof found = []
    let row = this.leaves
    for (let level = 0; row.length >= tileWidth; level++) {
      const above: Uint8Array[] = []
      for (let number = 0; (number + 1) * tileWidth <= row.length; number++) {
        const hashes = row.slice(number * tileWidth, (number + 1) * tileWidth)
        const edge = MerkleEdge.empty(sha256)
        for (const hash of hashes) edge.append(hash)
        above.push(edge.root())
        const root = Buffer.from(edge.root()).toString('hex')
        expected.push({ level, number, hashes: Buffer.concat(hashes).toString('hex'), root })
      }
      row = above
    }
    expect(found).toEqual(expected)
  }
}

onEachEngine('the audit log', (engine) => {
  it('stays one log under several authorities that append, roll back and change things at once', async () => {
    const stores = await engine.openSeveral(2)
    const total = 1200
    const log = await Log.begin(stores[0]!)
    await stores[0]!
      .insertInto('deployment')
      .values({
        id: 1,
        deployment: new Uint8Array(16),
        name: 'test',
        revision: 0,
        directory_number: 0,
        authority_public_key: new Uint8Array(33),
        authority_key_wrapped: new Uint8Array(1),
        master_key_check: new Uint8Array(32),
        setup_code_hash: null,
        restored_at: null,
      })
      .execute()
    const context = (store: Database) => ({
      store,
      by: system satisfies AuditOrigin,
      now,
      masterKey: new MasterKey(new Uint8Array(32)),
      deployment: new Uint8Array(16),
      committed: async () => {},
    })
    const perform = async (store: Database, index: number): Promise<number | null> => {
      const work = async (record: (one: ReturnType<typeof event>) => void) => {
        for (let count = 0; count <= index % 3; count++) record(event(`${index} ${count}`))
        if (index % 6 === 5) throw new RangeError('rolled back')
      }
      const asked =
        index % 4 === 0
          ? applyChange(context(store), ({ record }) => work(record))
          : recorded(context(store), (_transaction, record) => work(record))
      return asked.then(
        () => index,
        (error: unknown) => {
          if (error instanceof RangeError) return null
          throw error
        },
      )
    }
    const writers = 20
    const done = await inParallel(writers, stores, async (store, writer) => {
      const outcomes: (number | null)[] = []
      for (let index = writer; index < total; index += writers) outcomes.push(await perform(store, index))
      return outcomes
    })
    const appended = done.flat().filter((index) => index !== null)
    await log.check()
    const rows = await stores[0]!.selectFrom('audit_records').select('record').execute()
    const names = rows.map(({ record }) => JSON.parse(record).on.name as string).sort()
    const expected = appended.flatMap((index) =>
      Array.from({ length: 1 + (index % 3) }, (_, count) => `${index} ${count}`),
    )
    expect(names).toEqual(expected.sort())
    const { revision } = await stores[0]!.selectFrom('deployment').select('revision').executeTakeFirstOrThrow()
    expect(revision).toBe(appended.filter((index) => index % 4 === 0).length)
  })
})

onEachEngine('a log that was appended to in batches of any size', (engine) => {
  let log: Log
  let sizes: number[]
  const total = 70_000
  beforeAll(async () => {
    const [store] = await engine.openSeveral(1)
    log = await Log.begin(store!)
    const random = fc.sample(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 9_000 })), 500)
    const batches: number[] = []
    for (let left = total; left > 0; left -= batches.at(-1)!) batches.push(Math.min(left, random[batches.length]!))
    sizes = []
    let size = 0
    for (const batch of batches) {
      const records = Array.from({ length: batch }, (_, index) => ({ event: event(`${size + index}`), origin: system }))
      await store!.transaction().execute((transaction) => appendRecords(transaction, records, now()))
      size += batch
      sizes.push(size)
    }
    await log.readLeaves()
  }, 180_000)

  it('has the head, the tiles and the export that its records have', () => log.check(), 120_000)

  it('knows the edge of every size', async () => {
    const some = fc.sample(fc.integer({ min: 1, max: total }), 20)
    for (const size of [1, 255, 256, 257, 65_535, 65_536, 65_537, total, ...sizes.slice(0, 5), ...some])
      expect(Buffer.compare(await edgeAt(log.store, size), log.edge(size).bytes()), `edge at ${size}`).toBe(0)
  })

  it('proves that each record is in it', async () => {
    const { note, size } = await log.audit.checkpoint()
    const root = log.edge(size).root()
    const key = await parseVerifierKey(log.audit.verifierKey)
    const some = fc.sample(fc.integer({ min: 0, max: total - 1 }), 40)
    for (const position of [0, 255, 256, 65_535, 65_536, total - 1, ...some]) {
      const text = await log.audit.inclusion(position)
      const { proof, checkpoint } = parseProof(text)
      expect(checkpoint).toBe(note)
      const leaf = log.leaves[position]!
      expect(verifyInclusion(sha256, { leaf, position, size, root, proof }), `record ${position}`).toBe(true)
      const other = log.leaves[(position + 1) % total]!
      expect(verifyInclusion(sha256, { leaf: other, position, size, root, proof })).toBe(false)
      expect((await verifyProof(sha256, text, key)).record.position).toBe(position)
    }
  })

  it('proves of each two sizes that one goes on from the other', async () => {
    const pairs = fc.sample(fc.tuple(fc.integer({ min: 1, max: total }), fc.integer({ min: 1, max: total })), 25)
    for (const [one, other] of [[1, total], [256, 65_536], [65_536, 65_537], [65_535, total], ...pairs]) {
      const [from, to] = [Math.min(one!, other!), Math.max(one!, other!)]
      const proof = (await log.audit.consistency(from, to)).map(fromBase64)
      const roots = { fromRoot: log.edge(from).root(), toRoot: log.edge(to).root() }
      expect(verifyConsistency(sha256, { from, to, ...roots, proof }), `${from} to ${to}`).toBe(true)
      if (from === to) continue
      const wrong = { ...roots, fromRoot: log.edge(from - 1).root() }
      expect(verifyConsistency(sha256, { from, to, ...wrong, proof })).toBe(false)
    }
  })

  it('is exported from any position on', async () => {
    const kept = await log.audit.checkpoint()
    for (const from of [255, 65_536, total - 1, total, ...fc.sample(fc.integer({ min: 1, max: total }), 1)]) {
      const lines = await log.export(from)
      const report = await verifyExport(lines, {
        sha256,
        key: log.audit.verifierKey,
        checkpoints: [{ note: kept.note }],
      })
      expect(report, `from ${from}`).toMatchObject({ findings: [], from, size: total, outside: [{ ok: true }] })
      const cut = lines.filter((_, index) => index !== 1 + Math.floor((total - from) / 2))
      if (from < total) expect((await verifyExport(cut, { sha256 })).findings, `cut from ${from}`).not.toEqual([])
    }
  }, 180_000)
})
