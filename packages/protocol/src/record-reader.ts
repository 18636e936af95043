import { SealError } from './error-codes.ts'
import { maximumUint32 } from './layout.ts'

/**
 * Reads the fields of one decoded CBOR map with text keys; anything missing or of another type is
 * `malformed`. Unknown fields are passed over, so that an older client can read a newer authority's objects.
 */
export class RecordReader {
  readonly #map: Map<unknown, unknown>

  constructor(value: unknown) {
    if (!(value instanceof Map)) throw new SealError('malformed')
    this.#map = value
  }

  /** Whether a field that may be absent is there. */
  has(name: string): boolean {
    return this.#map.has(name)
  }

  uint(name: string): number {
    const value = this.#take(name)
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0) throw new SealError('malformed')
    return value
  }

  /** Fits 4 bytes, as in an envelope's header. */
  uint32(name: string): number {
    const value = this.uint(name)
    if (value > maximumUint32) throw new SealError('malformed')
    return value
  }

  uintOrNull(name: string): number | null {
    return this.#take(name) === null ? null : this.uint(name)
  }

  text(name: string): string {
    const value = this.#take(name)
    if (typeof value !== 'string') throw new SealError('malformed')
    return value
  }

  oneOf<T extends string>(name: string, values: readonly T[]): T {
    const value = this.text(name)
    if (!(values as readonly string[]).includes(value)) throw new SealError('malformed')
    return value as T
  }

  bytes(name: string, length: number): Uint8Array {
    const value = this.#take(name)
    if (!(value instanceof Uint8Array) || value.length !== length) throw new SealError('malformed')
    return value
  }

  texts(name: string): string[] {
    return this.list(name, (value) => {
      if (typeof value !== 'string') throw new SealError('malformed')
      return value
    })
  }

  list<T>(name: string, read: (value: unknown) => T): T[] {
    const value = this.#take(name)
    if (!Array.isArray(value)) throw new SealError('malformed')
    return value.map(read)
  }

  #take(name: string): unknown {
    return this.#map.get(name)
  }
}
