import { describe, expect, it } from 'vitest'
import { Slab } from '../src/slab.ts'
import { plant } from './plant.ts'

const ranges = (parts: readonly Uint8Array[]) =>
  parts.map(({ buffer, byteOffset, length }) => ({ buffer, from: byteOffset, to: byteOffset + length }))

describe('a slab', () => {
  it('gives zeros, of every length, and no byte twice', () => {
    const slab = new Slab()
    const lengths = [0, 1, 300, 8192, 8193, 16_384, 40_000]
    const parts = Array.from({ length: 700 }, (_, index) => slab.take(lengths[index % lengths.length]! + (index % 3)))
    for (const part of parts) {
      expect(part.every((byte) => byte === 0)).toBe(true)
      part.fill(1)
    }
    for (const [index, a] of ranges(parts).entries()) {
      const overlaps = (b: typeof a) => a.buffer === b.buffer && a.from < b.to && b.from < a.to
      expect(ranges(parts.slice(index + 1, index + 60)).some(overlaps)).toBe(false)
    }
  })

  it('goes on when somebody has transferred its memory away', () => {
    const slab = new Slab()
    structuredClone(slab.take(10), { transfer: [slab.take(10).buffer as ArrayBuffer] })
    expect(slab.take(10)).toHaveLength(10)
  })
})

describe('the memory of envelopes', () => {
  it('keeps each as it was sealed, with no plaintext around it', async () => {
    const { sealer } = await plant({ signing: 'off' })
    const own = await sealer()
    const secret = Buffer.from('nobody may read this')
    const envelopes: { envelope: Uint8Array; copy: string }[] = []
    for (let count = 0; count < 200; count++) {
      const { envelope } = await own.seal('plant/pump', secret)
      envelopes.push({ envelope, copy: Buffer.from(envelope).toString('hex') })
    }
    for (const { envelope, copy } of envelopes) {
      expect(Buffer.from(envelope).toString('hex')).toBe(copy)
      expect(Buffer.from(envelope.buffer).includes(secret)).toBe(false)
    }
  })
})
