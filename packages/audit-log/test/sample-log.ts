import {
  type AuditAction,
  type AuditRecord,
  auditActions,
  checkpointLine,
  encodeRecord,
  headLine,
  importLogKey,
  type LogKey,
  leafHash,
  MerkleEdge,
  makeLogKey,
  recordLine,
  signCheckpoint,
  verifierKey,
} from '../src/index.ts'
import { sha256 } from '../src/node/index.ts'

// Without the one that a verifier makes a note of.
const actions = (Object.keys(auditActions) as AuditAction[]).filter((action) => action !== 'authority.restore')
const start = Date.UTC(2026, 0, 1)

/** A record as the authority writes them; every third has something of each kind. */
export function sampleRecord(position: number, action: AuditAction = actions[position % actions.length]!): AuditRecord {
  const isFull = position % 3 === 0
  return {
    position,
    time: start + position * 1_000,
    action,
    result: position % 5 === 0 ? 'refused' : 'done',
    code: position % 5 === 0 ? 'role-forbids' : null,
    actor: {
      kind: isFull ? 'sender' : 'member',
      member: `m-${position % 7}`,
      sender: isFull ? position : null,
      name: `ann${position % 7}`,
      roles: isFull ? ['operator', 'viewer'] : [],
      ...(isFull ? { claimed: true as const } : {}),
    },
    address: isFull ? null : '192.0.2.7',
    request: `r-${position}`,
    on: isFull ? { kind: 'channel', id: `c-${position}`, name: 'Halle "3"\n' } : null,
    channel: isFull ? 'press/1' : null,
    detail: isFull ? { epoch: position, fields: ['name', 'roles'], wasLocked: false } : {},
  }
}

export interface SignedSize {
  size: number
  note: string
}

/** A log of sample records in memory, with what a server would hold of it. */
export class SampleLog {
  readonly records: AuditRecord[]
  readonly texts: string[]
  readonly leaves: Uint8Array[]
  readonly origin: string
  readonly signingKey: LogKey
  /** As text. */
  readonly key: string
  readonly checkpoints: SignedSize[] = []

  private constructor(records: AuditRecord[], signingKey: LogKey, key: string) {
    this.records = records
    this.texts = records.map(encodeRecord)
    this.leaves = this.texts.map(leafOf)
    this.origin = signingKey.name
    this.signingKey = signingKey
    this.key = key
  }

  /** @param every how many records there are between two checkpoints; the last one has all */
  static async make(
    count: number,
    every: number,
    of: { origin?: string; records?: AuditRecord[] } = {},
  ): Promise<SampleLog> {
    const { origin = 'sealmq/00112233445566778899aabbccddeeff' } = of
    const records = of.records ?? Array.from({ length: count }, (_, position) => sampleRecord(position))
    const { privateKey, publicKey } = await makeLogKey()
    const log = new SampleLog(
      records,
      await importLogKey(origin, privateKey, publicKey),
      await verifierKey(origin, publicKey),
    )
    await log.signEvery(every)
    return log
  }

  /** The same log with other records behind a position, under the same key. */
  async fork(records: AuditRecord[], every: number): Promise<SampleLog> {
    const fork = new SampleLog(records, this.signingKey, this.key)
    await fork.signEvery(every)
    return fork
  }

  async signEvery(every: number): Promise<void> {
    const edge = MerkleEdge.empty(sha256)
    for (const leaf of this.leaves) {
      edge.append(leaf)
      if (edge.size % every !== 0 && edge.size !== this.leaves.length) continue
      const note = await signCheckpoint(this.signingKey, { origin: this.origin, size: edge.size, root: edge.root() })
      this.checkpoints.push({ size: edge.size, note })
    }
  }

  edgeAt(size: number): MerkleEdge {
    const edge = MerkleEdge.empty(sha256)
    for (const leaf of this.leaves.slice(0, size)) edge.append(leaf)
    return edge
  }

  rootAt(size: number): Uint8Array {
    return this.edgeAt(size).root()
  }

  /** The lines of an export from a position to before another. */
  lines(from = 0, to: number = this.texts.length): string[] {
    const checkpoints = this.checkpoints.filter(({ size }) => size >= from && size <= to)
    return [
      headLine({
        origin: this.origin,
        key: this.key,
        from,
        size: to,
        checkpoints: checkpoints.length,
        edge: this.edgeAt(from).bytes(),
      }),
      ...this.texts.slice(from, to).map((text, index) => recordLine(this.leaves[from + index]!, text)),
      ...checkpoints.map(({ note }) => checkpointLine(note, start)),
    ]
  }

  /** The positions between the two checkpoints around one, both ends included. */
  runAround(position: number): { from: number; to: number } {
    const before = this.checkpoints.findLast(({ size }) => size <= position)
    const after = this.checkpoints.find(({ size }) => size > position)!
    return { from: before?.size ?? 0, to: after.size - 1 }
  }
}

export function leafOf(text: string): Uint8Array {
  return leafHash(sha256, new TextEncoder().encode(text))
}
