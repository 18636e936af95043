import { SealError } from './error-codes.ts'

// Deeper nesting than anything that is written; bounds the stack.
const maximumDepth = 16
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** What the profile of docs/protocol.md ("CBOR") has; maps keep their keys as they are. */
export type CborValue = number | string | boolean | null | Uint8Array | CborValue[] | Map<CborValue, CborValue>

/**
 * Reads one deterministic CBOR item that fills the bytes. Byte strings are views of them.
 * @throws SealError `malformed`
 */
export function decodeCbor(bytes: Uint8Array): CborValue {
  const [value, rest] = decodeFirstCbor(bytes)
  if (rest.length > 0) throw new SealError('malformed')
  return value
}

/** Reads one deterministic CBOR item and gives the bytes behind it. @throws SealError `malformed` */
export function decodeFirstCbor(bytes: Uint8Array): [value: CborValue, rest: Uint8Array] {
  const reader = new CborReader(bytes)
  const value = reader.item(0)
  return [value, bytes.subarray(reader.at)]
}

/**
 * Only the one deterministic encoding of a value is read (RFC 8949, 4.2.1): shortest heads, definite lengths, map keys
 * in order, none twice. No floats, tags or other simple values: they would give a second encoding of the same number.
 */
class CborReader {
  at = 0
  readonly #bytes: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  item(depth: number): CborValue {
    if (depth > maximumDepth) throw new SealError('malformed')
    const first = this.#byte()
    if (first === 0xf6) return null
    if (first === 0xf4 || first === 0xf5) return first === 0xf5
    const argument = this.#argument(first & 0x1f)
    switch (first >> 5) {
      case 0:
        return argument
      case 1:
        return this.#safe(-1 - argument)
      case 2:
        return this.#take(argument)
      case 3:
        return this.#text(argument)
      case 4:
        return this.#array(argument, depth)
      case 5:
        return this.#map(argument, depth)
      default:
        throw new SealError('malformed')
    }
  }

  #argument(info: number): number {
    if (info < 24) return info
    if (info > 27) throw new SealError('malformed')
    const length = 2 ** (info - 24)
    let value = 0
    for (let count = 0; count < length; count++) value = value * 256 + this.#byte()
    const isShortest = length === 1 ? value >= 24 : value >= 2 ** (length * 4)
    if (!isShortest) throw new SealError('malformed')
    return this.#safe(value)
  }

  #safe(value: number): number {
    if (!Number.isSafeInteger(value)) throw new SealError('malformed')
    return value
  }

  #byte(): number {
    const byte = this.#bytes[this.at++]
    if (byte === undefined) throw new SealError('malformed')
    return byte
  }

  #take(length: number): Uint8Array {
    if (length > this.#bytes.length - this.at) throw new SealError('malformed')
    this.at += length
    return this.#bytes.subarray(this.at - length, this.at)
  }

  #text(length: number): string {
    const bytes = this.#take(length)
    try {
      return utf8.decode(bytes)
    } catch {
      throw new SealError('malformed')
    }
  }

  // Every element takes a byte or more: a length beyond the rest is refused before anything grows.
  #array(length: number, depth: number): CborValue[] {
    if (length > this.#bytes.length - this.at) throw new SealError('malformed')
    const values: CborValue[] = []
    for (let index = 0; index < length; index++) values.push(this.item(depth + 1))
    return values
  }

  #map(length: number, depth: number): Map<CborValue, CborValue> {
    const values = new Map<CborValue, CborValue>()
    let previous: Uint8Array | null = null
    for (let index = 0; index < length; index++) {
      const start = this.at
      const key = this.item(depth + 1)
      const encoded = this.#bytes.subarray(start, this.at)
      if (previous && compareBytes(previous, encoded) >= 0) throw new SealError('malformed')
      previous = encoded
      values.set(key, this.item(depth + 1))
    }
    return values
  }
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length)
  for (let index = 0; index < length; index++) if (a[index] !== b[index]) return a[index]! - b[index]!
  return a.length - b.length
}
