import { Duplex } from 'node:stream'
import { PacketGuard } from './packet-guard.ts'

/** Bytes that may wait for one consumer without slowing anybody. */
const freeLength = 1024 * 1024
/** A consumer that took nothing for so long while more than that waits is frozen, ms. */
const frozenAfter = 500

export interface GuardOptions {
  /** Bytes. */
  maximumPacketLength: number
  /** The connection is about to be dropped, and why. */
  dropped: (reason: string) => void
  /** Monotonic, ms. */
  monotonic: () => number
}

/**
 * A connection as the broker sees it: what comes in passed the packet guard; what goes out never holds up the broker
 * for long, because a consumer that takes nothing is dropped (Aedes would wait for it, and everybody with it).
 */
export class GuardedConnection extends Duplex {
  readonly #connection: Duplex
  readonly #guard: PacketGuard
  readonly #options: GuardOptions
  #lastProgress: number

  constructor(connection: Duplex, options: GuardOptions) {
    super({ allowHalfOpen: false })
    this.#connection = connection
    this.#options = options
    this.#lastProgress = options.monotonic()
    this.#guard = new PacketGuard(options.maximumPacketLength)
    this.#guard.on('error', (error) => this.dropFor(error.message))
    this.#guard.on('data', (chunk) => {
      if (!this.push(chunk)) this.#guard.pause()
    })
    this.#guard.on('end', () => this.push(null))
    connection.on('error', () => this.destroy())
    connection.on('close', () => this.destroy())
    connection.pipe(this.#guard)
  }

  override _read(): void {
    this.#guard.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#connection.destroyed) {
      done()
      return
    }
    this.#connection.write(chunk, () => {
      this.#lastProgress = this.#options.monotonic()
    })
    if (this.#connection.writableLength <= freeLength) done()
    else this.#waitForProgress(done)
  }

  override _final(done: () => void): void {
    this.#connection.end(done)
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#connection.destroy()
    this.#guard.destroy()
    done(error)
  }

  #waitForProgress(done: () => void): void {
    const left = this.#lastProgress + frozenAfter - this.#options.monotonic()
    const end = () => {
      clearTimeout(timer)
      this.#connection.off('drain', end)
      this.#connection.off('close', end)
      done()
    }
    const timer = setTimeout(
      () => {
        if (this.#options.monotonic() - this.#lastProgress < frozenAfter) {
          end()
          return
        }
        this.dropFor('takes nothing')
        end()
      },
      Math.max(0, left),
    )
    this.#connection.on('drain', end)
    this.#connection.on('close', end)
  }

  dropFor(reason: string): void {
    this.#options.dropped(reason)
    this.destroy()
  }
}
