const slabLength = 16 * 1024

/**
 * Carves byte strings out of larger buffers, and no byte twice. In V8 every buffer beyond 64 bytes is four allocations
 * of the process, freed later by another thread that holds up this one's allocations: they cost more than sealing does.
 * Nothing of a slab is handed out: it holds secrets, and who kept a part of it would keep all of it.
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

interface Pool {
  allocUnsafe(length: number): Uint8Array
}
const { Buffer: pool } = globalThis as { Buffer?: Pool }

/**
 * Memory for an envelope, every byte of which is to be written. In Node it is a Buffer of Node's pool: MQTT.js copies
 * what waits for its acknowledgement, and of any other bytes it copies all the memory that they are a view of.
 */
export function envelopeBytes(length: number): Uint8Array {
  return pool ? pool.allocUnsafe(length) : new Uint8Array(length)
}
