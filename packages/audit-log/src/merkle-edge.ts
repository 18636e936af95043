import { AuditLogError } from './audit-log-error.ts'
import { emptyRoot, foldRoots, hashLength, nodeHash, type Sha256 } from './merkle-hash.ts'

/** Called for each subtree that a leaf completes: `index` counts those of the level from the left, level 0 are leaves. */
export type SubtreeCompleted = (level: number, index: number, hash: Uint8Array) => void

/**
 * The right edge of a Merkle tree (RFC 6962, 2.1): the roots of its complete subtrees from left to right, one for each bit
 * of the size. It is all that is needed to append and to know the root; at most 53 hashes.
 */
export class MerkleEdge {
  readonly #sha256: Sha256
  readonly #roots: Uint8Array[]
  #size: number

  private constructor(sha256: Sha256, size: number, roots: Uint8Array[]) {
    this.#sha256 = sha256
    this.#size = size
    this.#roots = roots
  }

  static empty(sha256: Sha256): MerkleEdge {
    return new MerkleEdge(sha256, 0, [])
  }

  /**
   * The edge that `bytes()` wrote.
   * @param size leaves of the tree, to 2^53 - 1
   * @param hashes 32 bytes for each bit that is set in the size
   * @throws AuditLogError `malformed` when they do not belong together
   */
  static from(sha256: Sha256, size: number, hashes: Uint8Array): MerkleEdge {
    if (!Number.isSafeInteger(size) || size < 0 || hashes.length !== setBits(size) * hashLength)
      throw new AuditLogError('malformed', 'The hashes are not the edge of a tree of this size.')
    const roots: Uint8Array[] = []
    for (let at = 0; at < hashes.length; at += hashLength)
      roots.push(new Uint8Array(hashes.subarray(at, at + hashLength)))
    return new MerkleEdge(sha256, size, roots)
  }

  /** Number of leaves. */
  get size(): number {
    return this.#size
  }

  /** Adds a leaf hash of 32 bytes behind the others, and tells which subtrees it completes, itself first. */
  append(leaf: Uint8Array, completed?: SubtreeCompleted): void {
    let hash = leaf
    let index = this.#size
    let level = 0
    completed?.(level, index, hash)
    // Not by bits: sizes go beyond 2^32.
    while (index % 2 === 1) {
      hash = nodeHash(this.#sha256, this.#roots.pop()!, hash)
      index = (index - 1) / 2
      level++
      completed?.(level, index, hash)
    }
    this.#roots.push(hash)
    this.#size++
  }

  /** Root hash of the tree, 32 bytes. */
  root(): Uint8Array {
    return this.#size === 0 ? emptyRoot(this.#sha256) : foldRoots(this.#sha256, this.#roots)
  }

  /** The hashes one after the other, 32 bytes each, as `from` takes them. */
  bytes(): Uint8Array<ArrayBuffer> {
    const joined = new Uint8Array(this.#roots.length * hashLength)
    for (const [index, root] of this.#roots.entries()) joined.set(root, index * hashLength)
    return joined
  }
}

function setBits(number: number): number {
  let bits = 0
  for (let rest = number; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2
  return bits
}
