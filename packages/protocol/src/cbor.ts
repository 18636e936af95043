import { encode } from 'cborg'

/** Deterministic CBOR (RFC 8949, 4.2.1) of whole numbers, byte and text strings, arrays, maps, booleans and null. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value)
}

/** Head of a byte string of this length (RFC 8949, 3.1), shortest form. */
export function byteStringHead(length: number): Uint8Array {
  const head = new Uint8Array(byteStringHeadLength(length))
  writeByteStringHead(head, 0, length)
  return head
}

/** Length of that head, bytes. */
export function byteStringHeadLength(length: number): number {
  return length < 24 ? 1 : length < 0x100 ? 2 : length < 0x1_0000 ? 3 : 5
}

/** Writes that head, and gives where it ends. */
export function writeByteStringHead(into: Uint8Array, at: number, length: number): number {
  const end = at + byteStringHeadLength(length)
  into[at] = length < 24 ? 0x40 | length : length < 0x100 ? 0x58 : length < 0x1_0000 ? 0x59 : 0x5a
  for (let index = end - 1; index > at; index--) {
    into[index] = length & 0xff
    length >>>= 8
  }
  return end
}
