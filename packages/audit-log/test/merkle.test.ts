import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sha256 as nobleSha256 } from '../src/browser/index.ts'
import {
  consistencyProof,
  emptyRoot,
  inclusionProof,
  leafHash,
  MerkleEdge,
  nodeHash,
  type SubtreeRoot,
  verifyConsistency,
  verifyInclusion,
} from '../src/index.ts'
import { sha256 as nodeSha256 } from '../src/node/index.ts'

const backEnds = [
  { name: 'node:crypto', sha256: nodeSha256 },
  { name: 'noble', sha256: nobleSha256 },
]

/** Entries and roots of the reference implementation of RFC 6962, for 1 to 8 of them. */
const referenceEntries = [
  '',
  '00',
  '10',
  '2021',
  '3031',
  '40414243',
  '5051525354555657',
  '606162636465666768696a6b6c6d6e6f',
]
const referenceRoots = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
]

const sha256 = nodeSha256
const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')
const leafNumber = (index: number) => leafHash(sha256, new TextEncoder().encode(String(index)))

/** The definition of RFC 6962, 2.1, as it stands there. */
function naiveRoot(leaves: Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return emptyRoot(sha256)
  if (leaves.length === 1) return leaves[0]!
  let width = 1
  while (width * 2 < leaves.length) width *= 2
  return nodeHash(sha256, naiveRoot(leaves.slice(0, width)), naiveRoot(leaves.slice(width)))
}

const largest = 130
const leaves = Array.from({ length: largest }, (_, index) => leafNumber(index))
const roots = Array.from({ length: largest + 1 }, (_, size) => naiveRoot(leaves.slice(0, size)))
const inLeaves: SubtreeRoot = (level, index) => {
  const width = 2 ** level
  if ((index + 1) * width > largest) throw new Error('A subtree was asked for that is not complete.')
  return naiveRoot(leaves.slice(index * width, (index + 1) * width))
}

/** A tree of any size whose leaves are all the same, so that every subtree of a level is. */
const sameLeaf = leafNumber(0)
const levels = [sameLeaf]
for (let level = 1; level < 54; level++) levels.push(nodeHash(sha256, levels[level - 1]!, levels[level - 1]!))
const inSame: SubtreeRoot = (level) => Promise.resolve(levels[level]!)
function rootOfSame(size: number): Uint8Array {
  let root: Uint8Array | null = null
  for (let level = 0, rest = size; rest > 0; level++, rest = Math.floor(rest / 2))
    if (rest % 2 === 1) root = root ? nodeHash(sha256, levels[level]!, root) : levels[level]!
  return root ?? emptyRoot(sha256)
}
const anySize = fc.oneof(fc.integer({ min: 1, max: 1_000 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }))

describe.each(backEnds)('hashes of the tree, by $name', ({ sha256: own }) => {
  it('are those of the reference implementation', () => {
    const edge = MerkleEdge.empty(own)
    expect(hex(edge.root())).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')
    const found = referenceEntries.map((entry) => {
      edge.append(leafHash(own, Buffer.from(entry, 'hex')))
      return hex(edge.root())
    })
    expect(found).toEqual(referenceRoots)
  })

  it('are the same by both', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 300 }),
        fc.uint8Array({ minLength: 32, maxLength: 32 }),
        (bytes, right) => {
          const left = leafHash(own, bytes)
          expect(hex(left)).toBe(hex(leafHash(nodeSha256, bytes)))
          expect(hex(nodeHash(own, left, right))).toBe(hex(nodeHash(nodeSha256, left, right)))
        },
      ),
    )
  })
})

describe('the edge of a tree', () => {
  it('has the root of the definition, written down and read again at any size', () => {
    let edge = MerkleEdge.empty(sha256)
    for (let size = 0; size <= largest; size++) {
      expect(edge.size).toBe(size)
      expect(hex(edge.root())).toBe(hex(roots[size]!))
      edge = MerkleEdge.from(sha256, size, edge.bytes())
      if (size < largest) edge.append(leaves[size]!)
    }
  })

  it('tells every complete subtree once', () => {
    const edge = MerkleEdge.empty(sha256)
    const told = new Map<string, string>()
    for (const leaf of leaves)
      edge.append(leaf, (level, index, hash) => {
        expect(told.has(`${level}/${index}`)).toBe(false)
        told.set(`${level}/${index}`, hex(hash))
      })
    let complete = 0
    for (let level = 0; 2 ** level <= largest; level++)
      for (let index = 0; (index + 1) * 2 ** level <= largest; index++, complete++)
        expect(told.get(`${level}/${index}`)).toBe(hex(inLeaves(level, index) as Uint8Array))
    expect(told.size).toBe(complete)
  })

  it('goes on beyond 2^32 leaves', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2 ** 31, max: Number.MAX_SAFE_INTEGER - 2 }), (size) => {
        const bits = [...size.toString(2)]
        const hashes = bits.flatMap((bit, at) => (bit === '1' ? [levels[bits.length - 1 - at]!] : []))
        const edge = MerkleEdge.from(sha256, size, Buffer.concat(hashes))
        expect(hex(edge.root())).toBe(hex(rootOfSame(size)))
        edge.append(sameLeaf)
        expect(hex(edge.root())).toBe(hex(rootOfSame(size + 1)))
        expect(hex(MerkleEdge.from(sha256, edge.size, edge.bytes()).root())).toBe(hex(edge.root()))
      }),
    )
  })

  it('is refused when size and hashes do not belong together', () => {
    for (const [size, length] of [
      [3, 32],
      [4, 64],
      [0, 32],
      [4, 31],
      [-1, 32],
      [1.5, 32],
      [2 ** 53, 32],
    ] as const)
      expect(() => MerkleEdge.from(sha256, size, new Uint8Array(length))).toThrow(
        expect.objectContaining({ code: 'malformed' }),
      )
  })
})

describe('a proof that a leaf is in a tree', () => {
  it('holds for every leaf of every size', async () => {
    for (let size = 1; size <= largest; size++)
      for (let position = 0; position < size; position++) {
        const proof = await inclusionProof(sha256, position, size, inLeaves)
        const inclusion = { leaf: leaves[position]!, position, size, root: roots[size]!, proof }
        expect(verifyInclusion(sha256, inclusion)).toBe(true)
        expect(verifyInclusion(sha256, { ...inclusion, leaf: leaves[(position + 1) % largest]! })).toBe(false)
      }
  })

  it('holds at any size, and not with any byte, number or hash altered', async () => {
    await fc.assert(
      fc.asyncProperty(anySize, fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (size, nth, at, bits) => {
        const position = nth % size
        const proof = await inclusionProof(sha256, position, size, inSame)
        const root = rootOfSame(size)
        const good = { leaf: sameLeaf, position, size, root, proof }
        expect(verifyInclusion(sha256, good)).toBe(true)
        expect(verifyInclusion(sha256, { ...good, root: flipped(root, at, bits) })).toBe(false)
        expect(verifyInclusion(sha256, { ...good, leaf: flipped(sameLeaf, at, bits) })).toBe(false)
        expect(verifyInclusion(sha256, { ...good, position: size })).toBe(false)
        expect(verifyInclusion(sha256, { ...good, proof: [...proof, sameLeaf] })).toBe(false)
        if (proof.length === 0) return
        expect(verifyInclusion(sha256, { ...good, proof: proof.slice(1) })).toBe(false)
        const index = at % proof.length
        expect(verifyInclusion(sha256, { ...good, proof: proof.with(index, flipped(proof[index]!, at, bits)) })).toBe(
          false,
        )
      }),
    )
  })

  it('does not hold for another position', async () => {
    for (let position = 0; position < 64; position++) {
      const proof = await inclusionProof(sha256, position, 100, inLeaves)
      for (let other = 0; other < 100; other++)
        if (other !== position)
          expect(
            verifyInclusion(sha256, { leaf: leaves[position]!, position: other, size: 100, root: roots[100]!, proof }),
          ).toBe(false)
    }
  })
})

describe('a proof that a tree begins with an earlier one', () => {
  it('holds between all sizes', async () => {
    for (let to = 0; to <= largest; to++)
      for (let from = 0; from <= to; from++) {
        const proof = await consistencyProof(sha256, from, to, inLeaves)
        const consistency = { from, fromRoot: roots[from]!, to, toRoot: roots[to]!, proof }
        expect(verifyConsistency(sha256, consistency)).toBe(true)
        // The empty tree begins every other.
        if (from > 0) expect(verifyConsistency(sha256, { ...consistency, toRoot: leaves[0]!.toReversed() })).toBe(false)
        expect(verifyConsistency(sha256, { ...consistency, fromRoot: leaves[0]!.toReversed() })).toBe(false)
      }
  })

  it('holds at any size, and not with any byte altered', async () => {
    await fc.assert(
      fc.asyncProperty(anySize, anySize, fc.nat(), fc.integer({ min: 1, max: 255 }), async (one, other, at, bits) => {
        const [from, to] = one < other ? [one, other] : [other, one]
        const proof = await consistencyProof(sha256, from, to, inSame)
        const good = { from, fromRoot: rootOfSame(from), to, toRoot: rootOfSame(to), proof }
        expect(verifyConsistency(sha256, good)).toBe(true)
        expect(verifyConsistency(sha256, { ...good, proof: [...proof, sameLeaf] })).toBe(false)
        if (from === to) return
        expect(verifyConsistency(sha256, { ...good, from: to, to: from })).toBe(false)
        expect(verifyConsistency(sha256, { ...good, proof: proof.slice(1) })).toBe(false)
        const index = at % proof.length
        expect(verifyConsistency(sha256, { ...good, proof: proof.with(index, flipped(proof[index]!, at, bits)) })).toBe(
          false,
        )
      }),
    )
  })
})

function flipped(bytes: Uint8Array, at: number, bits: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at % copy.length]! ^= bits
  return copy
}
