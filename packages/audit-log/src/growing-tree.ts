import type { LeafList } from './leaf-list.ts'
import { MerkleEdge } from './merkle-edge.ts'
import type { Sha256 } from './merkle-hash.ts'

/** Roots of a log at growing sizes, of the leaves that were read; each leaf is hashed once, but for rewinding. */
export class GrowingTree {
  readonly #sha256: Sha256
  readonly #from: number
  readonly #firstEdge: Uint8Array
  #edge: MerkleEdge
  readonly #leaves: LeafList
  /** Sizes that are asked for later, ascending; their roots are kept on the way. */
  readonly #wanted: number[]
  #nextWanted = 0
  readonly #roots = new Map<number, Uint8Array>()

  /**
   * @param edge of the tree before the first leaf
   * @param wanted sizes for `keptRoot`
   */
  constructor(sha256: Sha256, edge: MerkleEdge, leaves: LeafList, wanted: readonly number[]) {
    this.#sha256 = sha256
    this.#firstEdge = edge.bytes()
    this.#edge = edge
    this.#from = edge.size
    this.#leaves = leaves
    this.#wanted = wanted.filter((size) => size >= edge.size).toSorted((a, b) => a - b)
    this.#keep()
  }

  /** Position of the first leaf here. */
  get from(): number {
    return this.#from
  }

  /** Leaves that are hashed into it. */
  get size(): number {
    return this.#edge.size
  }

  /** Leaves up to the first one that is missing, with those before the first here. */
  get availableSize(): number {
    return this.#from + this.#leaves.length
  }

  /** Root at a size from the present one to `availableSize`. */
  rootAt(size: number): Uint8Array {
    this.advanceTo(size)
    return this.#edge.root()
  }

  /** Hashes what leads to a size, if that has not happened. */
  advanceTo(size: number): void {
    while (this.#edge.size < size) {
      this.#edge.append(this.#leaves.hash(this.#edge.size - this.#from))
      this.#keep()
    }
  }

  /** Root at a wanted size; undefined while the tree is smaller, or when it begins behind. */
  keptRoot(size: number): Uint8Array | undefined {
    return this.#roots.get(size)
  }

  /** Begins anew, which costs hashing every leaf again. */
  rewind(): void {
    this.#edge = MerkleEdge.from(this.#sha256, this.#from, this.#firstEdge)
  }

  #keep(): void {
    const { size } = this.#edge
    if (this.#wanted[this.#nextWanted] !== size) return
    this.#roots.set(size, this.#edge.root())
    while (this.#wanted[this.#nextWanted] === size) this.#nextWanted++
  }
}
