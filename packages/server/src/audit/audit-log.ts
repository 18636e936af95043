import {
  type Checkpoint,
  consistencyProof,
  formatProof,
  inclusionProof,
  type LogKey,
  MerkleEdge,
  signCheckpoint,
  toBase64,
  verifierKey,
} from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import type { AuditCheckpoint } from '@sealmq/protocol/api'
import { AuthorityError } from '../authority-error.ts'
import { consistentRead } from '../store/consistent-read.ts'
import type { Database } from '../store/schema.ts'
import { subtreeRoots } from './tiles.ts'

const minute = 60_000
/** New checkpoints that all members together may ask for in a minute: each is kept for ever, and published. */
const mostDemanded = 60

export interface AuditLogOptions {
  store: Database
  key: LogKey
  now: () => number
  /** Told of every checkpoint that is new. */
  published: (checkpoint: AuditCheckpoint) => void
}

/** The log as others see it: checkpoints and what proves them. Records are appended by the transactions that make them. */
export class AuditLog {
  readonly #options: AuditLogOptions
  /** C2SP vkey. */
  readonly verifierKey: string
  #demanded = { since: Number.NEGATIVE_INFINITY, count: 0, size: -1 }

  private constructor(options: AuditLogOptions, vkey: string) {
    this.#options = options
    this.verifierKey = vkey
  }

  static async open(options: AuditLogOptions): Promise<AuditLog> {
    return new AuditLog(options, await verifierKey(options.key.name, options.key.publicKey))
  }

  get origin(): string {
    return this.#options.key.name
  }

  /** Number of records. */
  async size(): Promise<number> {
    return (await this.#head()).size
  }

  /** The latest checkpoint that was made; makes the first. */
  async latest(): Promise<AuditCheckpoint> {
    const row = await this.#options.store
      .selectFrom('audit_checkpoints')
      .selectAll()
      .orderBy('size', 'desc')
      .limit(1)
      .executeTakeFirst()
    return row ? { note: row.note, size: row.size, time: row.time, key: this.verifierKey } : this.checkpoint()
  }

  /** A checkpoint of now; the same as before while nothing was appended. */
  async checkpoint(): Promise<AuditCheckpoint> {
    const { store, key, now, published } = this.#options
    const { size, edge } = await this.#head()
    const known = await store.selectFrom('audit_checkpoints').selectAll().where('size', '=', size).executeTakeFirst()
    if (known) return { note: known.note, size, time: known.time, key: this.verifierKey }
    const tree: Checkpoint = { origin: key.name, size, root: MerkleEdge.from(sha256, size, edge).root() }
    const made = { note: await signCheckpoint(key, tree), size, time: now(), key: this.verifierKey }
    const { numInsertedOrUpdatedRows } = await store
      .insertInto('audit_checkpoints')
      .values({ size, time: made.time, note: made.note })
      .onConflict((conflict) => conflict.column('size').doNothing())
      .executeTakeFirstOrThrow()
    if (numInsertedOrUpdatedRows === 1n) published(made)
    return made
  }

  /** A checkpoint of now for whoever asks; the latest, when many new ones were asked for in this minute. */
  async demanded(): Promise<AuditCheckpoint> {
    const now = this.#options.now()
    if (Math.abs(now - this.#demanded.since) >= minute) this.#demanded = { ...this.#demanded, since: now, count: 0 }
    if (this.#demanded.count >= mostDemanded) return this.latest()
    const made = await this.checkpoint()
    if (made.size !== this.#demanded.size) this.#demanded.count++
    this.#demanded.size = made.size
    return made
  }

  /** RFC 6962, 2.1.2. @returns base64 @throws AuthorityError `bad-request` when the log is not so large */
  async consistency(from: number, to: number): Promise<string[]> {
    const { size } = await this.#head()
    if (from > to || to > size)
      throw new AuthorityError(
        'bad-request',
        `The log has ${size} records: ask for sizes up to that, the smaller first.`,
      )
    const hashes = await consistentRead(this.#options.store, (transaction) =>
      consistencyProof(sha256, from, to, subtreeRoots(transaction)),
    )
    return hashes.map(toBase64)
  }

  /** A C2SP tlog-proof of one record under a checkpoint of now. @throws AuthorityError `not-found` */
  async inclusion(position: number): Promise<string> {
    const { store } = this.#options
    const { size, note } = await this.checkpoint()
    const row = await store
      .selectFrom('audit_records')
      .select('record')
      .where('position', '=', position)
      .executeTakeFirst()
    if (!row || position >= size) throw new AuthorityError('not-found', `The log has no record ${position} yet.`)
    const proof = await consistentRead(store, (transaction) =>
      inclusionProof(sha256, position, size, subtreeRoots(transaction)),
    )
    return formatProof({ record: row.record, position, proof, checkpoint: note })
  }

  #head() {
    return this.#options.store.selectFrom('audit_log').select(['size', 'edge']).executeTakeFirstOrThrow()
  }
}
