import {
  decodeEnvelope,
  decodeInner,
  encodeEnvelope,
  encodeInner,
  encodeProtectedHeader,
  type Intent,
  inspectEnvelope,
  SealError,
  type SuiteName,
  toHex,
} from '@sealmq/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const header = fc.record({
  suite: fc.constantFrom<SuiteName>('A256GCM', 'ChaCha20/Poly1305', 'A256CBC-HS512'),
  epoch: uint32,
  sender: uint32,
  session: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  sealedAt: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  sequence: uint32,
})
const signature = fc.option(fc.uint8Array({ minLength: 64, maxLength: 64 }))
const ciphertext = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536).map((length) => new Uint8Array(length)),
)
const inner = fc.record({
  contentType: fc.option(fc.string({ maxLength: 60, unit: 'grapheme' })),
  distance: uint32,
  timeToLive: fc.option(uint32),
  intent: fc.option(fc.constantFrom<Intent>('retained', 'command', 'will')),
})

function isMalformed(decode: () => unknown): boolean {
  try {
    decode()
    return false
  } catch (error) {
    expect(error).toBeInstanceOf(SealError)
    expect((error as SealError).code).toBe('malformed')
    return true
  }
}

describe('the envelope decoder', () => {
  it('reads what was encoded, and writes the same bytes again', () => {
    fc.assert(
      fc.property(header, signature, ciphertext, (header, signature, ciphertext) => {
        const bytes = encodeEnvelope(encodeProtectedHeader(header), signature, ciphertext)
        const parts = decodeEnvelope(bytes)
        expect(parts.header).toEqual(header)
        expect(parts.signature).toEqual(signature)
        expect(encodeEnvelope(encodeProtectedHeader(parts.header), parts.signature, parts.ciphertext)).toEqual(bytes)
        expect(inspectEnvelope(bytes)).toMatchObject({ session: toHex(header.session), length: bytes.length })
      }),
    )
  })

  it('reads no bytes in two ways: what it takes is what it would write', () => {
    const mutation = fc.record({ at: fc.nat(), value: fc.nat(255), cut: fc.option(fc.nat(120), { freq: 3 }) })
    const small = fc.uint8Array({ maxLength: 40 })
    fc.assert(
      fc.property(
        header,
        signature,
        small,
        fc.array(mutation, { maxLength: 3 }),
        (header, signature, body, changes) => {
          let bytes = encodeEnvelope(encodeProtectedHeader(header), signature, body)
          for (const { at, value, cut } of changes) {
            bytes[at % bytes.length] = value
            if (cut !== null && cut > 0) bytes = bytes.slice(0, cut)
          }
          if (isMalformed(() => decodeEnvelope(bytes))) return
          const parts = decodeEnvelope(bytes)
          expect(encodeEnvelope(encodeProtectedHeader(parts.header), parts.signature, parts.ciphertext)).toEqual(bytes)
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('throws nothing but malformed on any bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => isMalformed(() => decodeEnvelope(bytes))))
  })

  it('reads envelopes that lie inside a larger buffer', () => {
    const bytes = encodeEnvelope(new Uint8Array(34), null, new Uint8Array(20))
    expect(isMalformed(() => decodeEnvelope(bytes))).toBe(true)
    expect(isMalformed(() => decodeEnvelope(new Uint8Array(16 * 1024 * 1024 + 1)))).toBe(true)
  })
})

describe('the inner map decoder', () => {
  it('reads what was encoded', () => {
    fc.assert(
      fc.property(inner, fc.uint8Array(), (fields, payload) => {
        if (fields.contentType !== null && new TextEncoder().encode(fields.contentType).length > 255) return
        expect(decodeInner(encodeInner(fields, payload))).toEqual({ fields, payload })
      }),
    )
  })

  it('reads no fields in two ways, and throws nothing but malformed', () => {
    fc.assert(
      fc.property(
        inner,
        fc.array(fc.tuple(fc.nat(30), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        (fields, changes) => {
          const bytes = encodeInner({ ...fields, contentType: 'text/plain' }, new Uint8Array(3))
          for (const [at, value] of changes) bytes[at % bytes.length] = value
          if (isMalformed(() => decodeInner(bytes))) return
          const { fields: read, payload } = decodeInner(bytes)
          const end = bytes.length - payload.length
          const again = encodeInner(read, payload)
          // Distance 1 may be written out, and keys that are ignored are gone.
          if (again.length === bytes.length) expect(again.slice(0, end)).toEqual(bytes.slice(0, end))
          else expect(again.length).toBeLessThan(bytes.length)
        },
      ),
      { numRuns: 5000 },
    )
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 1, maxLength: 60 }),
        fc.integer({ min: 0xa0, max: 0xbf }),
        (bytes, first) => {
          bytes[0] = first
          isMalformed(() => decodeInner(bytes))
        },
      ),
      { numRuns: 5000 },
    )
  })

  it('refuses to write fields that no receiver would read', () => {
    const plain = { contentType: null, distance: 1, timeToLive: null, intent: null }
    const wrong = [
      { ...plain, contentType: 'ä'.repeat(128) },
      { ...plain, contentType: '\ud800' },
      { ...plain, timeToLive: 1.5 },
      { ...plain, timeToLive: -1 },
      { ...plain, timeToLive: Number.NaN },
      { ...plain, timeToLive: 2 ** 32 },
      { ...plain, distance: 2 ** 32 },
    ]
    for (const fields of wrong) expect(isMalformed(() => encodeInner(fields, new Uint8Array(0)))).toBe(true)
  })
})
