import { type AuditAction, auditActions } from './actions.ts'
import { hashLength } from './merkle-hash.ts'

const chunkLeaves = 4096
const actions = Object.keys(auditActions) as AuditAction[]
const actionNumbers = new Map<string, number>(actions.map((action, number) => [action, number]))
const unknownAction = 255

interface Chunk {
  hashes: Uint8Array
  times: Float64Array
  actions: Uint8Array
}

/** What is kept of each record while an export is verified: 41 bytes, its leaf hash and what names it to people. */
export class LeafList {
  readonly #chunks: Chunk[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /** @param time null when the record cannot be read */
  push(hash: Uint8Array, time: number | null, action: string | null): void {
    const at = this.#length % chunkLeaves
    if (at === 0)
      this.#chunks.push({
        hashes: new Uint8Array(chunkLeaves * hashLength),
        times: new Float64Array(chunkLeaves),
        actions: new Uint8Array(chunkLeaves),
      })
    const chunk = this.#chunks.at(-1)!
    chunk.hashes.set(hash, at * hashLength)
    chunk.times[at] = time ?? Number.NaN
    chunk.actions[at] = actionNumbers.get(action ?? '') ?? unknownAction
    this.#length++
  }

  /** The hash itself, not a view. */
  hash(index: number): Uint8Array {
    const at = (index % chunkLeaves) * hashLength
    return this.#chunkOf(index).hashes.slice(at, at + hashLength)
  }

  /** Authority time, ms; null when the record could not be read. */
  time(index: number): number | null {
    const time = this.#chunkOf(index).times[index % chunkLeaves]!
    return Number.isNaN(time) ? null : time
  }

  /** Null when it is none of this version, or could not be read. */
  action(index: number): AuditAction | null {
    return actions[this.#chunkOf(index).actions[index % chunkLeaves]!] ?? null
  }

  #chunkOf(index: number): Chunk {
    return this.#chunks[Math.floor(index / chunkLeaves)]!
  }
}
