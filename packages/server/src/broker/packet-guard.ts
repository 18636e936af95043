import { Transform, type TransformCallback } from 'node:stream'

/** MQTT fixed headers are at most 5 bytes (MQTT 3.1.1, 2.2). */
const longestHeader = 5
/** Of the first packet, a CONNECT with its will, bytes: Aedes keeps all of it before anybody has signed in. */
const firstPacketLength = 8 * 1024

/**
 * Passes MQTT bytes on and ends the connection as soon as a fixed header announces a packet above the limit,
 * before anything of it is buffered (Aedes has no such cap of its own).
 */
export class PacketGuard extends Transform {
  readonly #maximumLength: number
  #maximumNow: number
  #header: number[] = []
  #left = 0

  constructor(maximumLength: number) {
    super()
    this.#maximumLength = maximumLength
    this.#maximumNow = Math.min(maximumLength, firstPacketLength)
  }

  override _transform(chunk: Buffer, _encoding: string, done: TransformCallback): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#left > 0) {
        const step = Math.min(this.#left, chunk.length - at)
        this.#left -= step
        at += step
        continue
      }
      this.#header.push(chunk[at++]!)
      const length = remainingLength(this.#header)
      if (length === null) continue
      if (length === 'malformed' || length + this.#header.length > this.#maximumNow) {
        done(new Error(length === 'malformed' ? 'malformed remaining length' : 'packet too large'))
        return
      }
      this.#left = length
      this.#maximumNow = this.#maximumLength
      this.#header = []
    }
    done(null, chunk)
  }
}

// The remaining length is 1 to 4 bytes of 7 bits (MQTT 3.1.1, 2.2.3).
function remainingLength(header: readonly number[]): number | 'malformed' | null {
  let length = 0
  for (let index = 1; index < header.length; index++) {
    length += (header[index]! & 0x7f) * 128 ** (index - 1)
    if ((header[index]! & 0x80) === 0) return length
  }
  return header.length === longestHeader ? 'malformed' : null
}
