import { generateKeyPairSync, sign, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromDer, toDer } from '../src/node/ecdsa-signature.ts'

describe('ECDSA signatures between DER and r ‖ s', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })

  it('agrees with OpenSSL over many signatures, whose numbers are of every length', () => {
    for (let round = 0; round < 2000; round++) {
      const data = Buffer.from([round & 0xff, round >> 8])
      const der = sign('sha256', data, privateKey)
      const signature = fromDer(der)
      expect(Buffer.from(toDer(signature)).equals(der)).toBe(true)
      expect(verify('sha256', data, { key: publicKey, dsaEncoding: 'ieee-p1363' }, signature)).toBe(true)
    }
  })

  it('keeps any 64 bytes, leading zeros too', () => {
    const halves = fc
      .tuple(fc.nat(32), fc.uint8Array({ minLength: 32, maxLength: 32 }))
      .map(([zeros, bytes]) => bytes.fill(0, 0, zeros))
    fc.assert(
      fc.property(halves, halves, (r, s) => {
        const signature = Uint8Array.from([...r, ...s])
        expect(fromDer(toDer(signature))).toEqual(signature)
      }),
    )
  })
})
