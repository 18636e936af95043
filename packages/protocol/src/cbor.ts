import { encode } from 'cborg'

/** Deterministic CBOR (RFC 8949, 4.2.1) of whole numbers, byte and text strings, arrays, maps, booleans and null. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value)
}

/** Head of a byte string of this length (RFC 8949, 3.1), shortest form. */
export function byteStringHead(length: number): Uint8Array {
  if (length < 24) return Uint8Array.of(0x40 | length)
  if (length < 0x100) return Uint8Array.of(0x58, length)
  if (length < 0x1_0000) return Uint8Array.of(0x59, length >> 8, length & 0xff)
  return Uint8Array.of(0x5a, length >>> 24, (length >> 16) & 0xff, (length >> 8) & 0xff, length & 0xff)
}
