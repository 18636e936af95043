const slabLength = 16 * 1024

/**
 * Carves byte strings out of larger buffers, and no byte twice. In V8 every buffer beyond 64 bytes is four allocations
 * of the process, freed later by another thread that holds up this one's allocations: they cost more than sealing does.
 * Who keeps a part keeps the whole slab. What is handed out has slabs of its own, without secrets.
 */
export class Slab {
  #buffer = new ArrayBuffer(0)
  #at = 0

  /** Zeros. */
  take(length: number): Uint8Array {
    if (length > slabLength / 2) return new Uint8Array(length)
    if (length > this.#buffer.byteLength - this.#at) {
      this.#buffer = new ArrayBuffer(slabLength)
      this.#at = 0
    }
    const bytes = new Uint8Array(this.#buffer, this.#at, length)
    this.#at += length
    return bytes
  }
}

/** For what never leaves the protocol: additional data, nonces, plaintexts. */
export const working: Slab = new Slab()
/** For envelopes. */
export const handedOut: Slab = new Slab()
