import { decode, decodeFirst, encode } from 'cborg'
import { SealError } from './error-codes.ts'

// Only deterministic CBOR is read (RFC 8949, 4.2.1): one value has one encoding, so nothing can hide in another.
const strict = {
  strict: true,
  allowIndefinite: false,
  allowUndefined: false,
  allowNaN: false,
  allowInfinity: false,
  rejectDuplicateMapKeys: true,
  useMaps: true,
} as const

/** Deterministic CBOR (RFC 8949, 4.2.1). */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value)
}

/** Reads one deterministic CBOR item that fills the bytes. @throws SealError `malformed` */
export function decodeCbor(bytes: Uint8Array): unknown {
  try {
    return decode(bytes, strict)
  } catch {
    throw new SealError('malformed')
  }
}

/** Reads one deterministic CBOR item and gives the bytes behind it. @throws SealError `malformed` */
export function decodeFirstCbor(bytes: Uint8Array): [value: unknown, rest: Uint8Array] {
  try {
    return decodeFirst(bytes, strict)
  } catch {
    throw new SealError('malformed')
  }
}

/** Head of a byte string of this length (RFC 8949, 3.1), shortest form. */
export function byteStringHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(0x40 | length)
  if (length < 0x100) return Uint8Array.of(0x58, length)
  if (length < 0x1_0000) return Uint8Array.of(0x59, length >> 8, length & 0xff)
  return Uint8Array.of(0x5a, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff)
}
