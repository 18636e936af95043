import { equalBytes } from './bytes.ts'
import { emptyRoot, foldRoots, nodeHash, type Sha256 } from './merkle-hash.ts'

/**
 * Root of a complete subtree, 32 bytes: the `index`-th from the left of those over 2^level leaves. Only asked for what lies
 * wholly in the tree.
 */
export type SubtreeRoot = (level: number, index: number) => Uint8Array | Promise<Uint8Array>

/** What proves that a leaf is in a tree. */
export interface Inclusion {
  /** Hash of the leaf. */
  leaf: Uint8Array
  position: number
  /** Leaves of the tree. */
  size: number
  root: Uint8Array
  /** From the leaf's sibling upwards. */
  proof: readonly Uint8Array[]
}

/** What proves that a tree begins with all leaves of an earlier one. */
export interface Consistency {
  from: number
  fromRoot: Uint8Array
  to: number
  toRoot: Uint8Array
  proof: readonly Uint8Array[]
}

/**
 * The path from a leaf to the root (RFC 6962, 2.1.1; RFC 9162, 2.1.3.1), the leaf's sibling first.
 * @param position of the leaf, below `size`
 * @param size of the tree, to 2^53 - 1
 */
export async function inclusionProof(
  sha256: Sha256,
  position: number,
  size: number,
  node: SubtreeRoot,
): Promise<Uint8Array[]> {
  const path: Uint8Array[] = []
  let [start, end] = [0, size]
  while (end - start > 1) {
    const middle = start + leftWidth(end - start)
    if (position < middle) {
      path.push(await rangeRoot(sha256, middle, end, node))
      end = middle
    } else {
      path.push(await rangeRoot(sha256, start, middle, node))
      start = middle
    }
  }
  return path.reverse()
}

/**
 * The hashes that lead from the root at `from` leaves to that at `to` (RFC 6962, 2.1.2; RFC 9162, 2.1.4.1). None when the
 * sizes are equal, or the earlier tree is empty.
 */
export async function consistencyProof(
  sha256: Sha256,
  from: number,
  to: number,
  node: SubtreeRoot,
): Promise<Uint8Array[]> {
  if (from === 0 || from === to) return []
  const path: Uint8Array[] = []
  let [start, end] = [0, to]
  while (end !== from) {
    const middle = start + leftWidth(end - start)
    if (from <= middle) {
      path.push(await rangeRoot(sha256, middle, end, node))
      end = middle
    } else {
      path.push(await rangeRoot(sha256, start, middle, node))
      start = middle
    }
  }
  // A complete subtree from the first leaf on is the earlier tree itself: its root is known to whoever verifies.
  if (start > 0) path.push(await rangeRoot(sha256, start, end, node))
  return path.reverse()
}

/** Whether the leaf stands at that position of the tree with that root (RFC 9162, 2.1.3.2). */
export function verifyInclusion(sha256: Sha256, { leaf, position, size, root, proof }: Inclusion): boolean {
  if (!isSize(position) || !isSize(size) || position >= size) return false
  let [node, last] = [position, size - 1]
  let hash = leaf
  for (const sibling of proof) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      hash = nodeHash(sha256, sibling, hash)
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      hash = nodeHash(sha256, hash, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && equalBytes(hash, root)
}

/** Whether the later tree begins with the earlier one (RFC 9162, 2.1.4.2). The empty tree begins every other. */
export function verifyConsistency(sha256: Sha256, { from, fromRoot, to, toRoot, proof }: Consistency): boolean {
  if (!isSize(from) || !isSize(to) || from > to) return false
  if (from === to) return proof.length === 0 && equalBytes(fromRoot, toRoot)
  if (from === 0) return proof.length === 0 && equalBytes(fromRoot, emptyRoot(sha256))
  if (proof.length === 0) return false
  const path = isPowerOfTwo(from) ? [fromRoot, ...proof] : proof
  let [node, last] = [from - 1, to - 1]
  while (isOdd(node)) [node, last] = [half(node), half(last)]
  let earlier = path[0]!
  let later = earlier
  for (const sibling of path.slice(1)) {
    if (last === 0) return false
    if (isOdd(node) || node === last) {
      earlier = nodeHash(sha256, sibling, earlier)
      later = nodeHash(sha256, sibling, later)
      while (!isOdd(node) && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      later = nodeHash(sha256, later, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && equalBytes(earlier, fromRoot) && equalBytes(later, toRoot)
}

/** Root over the leaves from `start` to before `end`, where `start` begins a subtree that is at least as wide. */
async function rangeRoot(sha256: Sha256, start: number, end: number, node: SubtreeRoot): Promise<Uint8Array> {
  const roots: Uint8Array[] = []
  let at = start
  while (at < end) {
    let [level, width] = [0, 1]
    while (width * 2 <= end - at) [level, width] = [level + 1, width * 2]
    roots.push(await node(level, at / width))
    at += width
  }
  return foldRoots(sha256, roots)
}

// Bitwise operators would cut sizes at 2^32.

/** The largest power of two that is smaller than a number above 1. */
function leftWidth(leaves: number): number {
  let width = 1
  while (width * 2 < leaves) width *= 2
  return width
}

function isPowerOfTwo(number: number): boolean {
  let rest = number
  while (rest % 2 === 0) rest /= 2
  return rest === 1
}

function isSize(number: number): boolean {
  return Number.isSafeInteger(number) && number >= 0
}

function isOdd(number: number): boolean {
  return number % 2 === 1
}

function half(number: number): number {
  return Math.floor(number / 2)
}
