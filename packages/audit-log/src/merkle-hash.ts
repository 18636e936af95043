/** SHA-256 (FIPS 180-4): 32 bytes of any number of them. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array

/** Bytes of a hash in the tree. */
export const hashLength = 32

/** Hash of a leaf: SHA-256(0x00 ‖ bytes) (RFC 6962, 2.1). 32 bytes. */
export function leafHash(sha256: Sha256, bytes: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + bytes.length)
  input.set(bytes, 1)
  return sha256(input)
}

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right), each of 32 bytes (RFC 6962, 2.1). */
export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  const input = new Uint8Array(1 + 2 * hashLength)
  input[0] = 0x01
  input.set(left, 1)
  input.set(right, 1 + hashLength)
  return sha256(input)
}

/** Root of the tree without leaves: SHA-256 of nothing (RFC 6962, 2.1). */
export function emptyRoot(sha256: Sha256): Uint8Array {
  return sha256(new Uint8Array(0))
}

/**
 * Root over neighbouring complete subtrees, the largest one on the left: how the right edge of a tree becomes its root.
 * @param roots at least one, of 32 bytes each
 */
export function foldRoots(sha256: Sha256, roots: readonly Uint8Array[]): Uint8Array {
  return roots.reduceRight((right, left) => nodeHash(sha256, left, right))
}
