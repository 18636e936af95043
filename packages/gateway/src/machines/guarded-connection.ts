import { Duplex } from 'node:stream'
import { PacketGuard } from './packet-guard.ts'

/** Bytes that may wait for one machine without slowing anybody. */
const freeLength = 256 * 1024
/** A machine that took nothing for so long while more than that waits is frozen, ms. */
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
 * A machine's connection as Aedes sees it: what comes in passed the packet guard, and a machine that takes nothing is
 * dropped, where Aedes would wait for it, and everybody with it.
 */
export class GuardedConnection extends Duplex {
  readonly #connection: Duplex
  readonly #guard: PacketGuard
  readonly #options: GuardOptions
  #lastProgress: number
  #corked = false

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

  /** Drops the connection. */
  dropFor(reason: string): void {
    if (this.destroyed) return
    this.#options.dropped(reason)
    this.destroy()
  }

  override _read(): void {
    this.#guard.resume()
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    if (this.#connection.destroyed) {
      done()
      return
    }
    this.#gather()
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

  // One system call for all acknowledgements that share a sync, instead of one each.
  #gather(): void {
    if (this.#corked) return
    this.#corked = true
    this.#connection.cork()
    process.nextTick(() => {
      this.#corked = false
      this.#connection.uncork()
    })
  }

  #waitForProgress(done: () => void): void {
    const { monotonic } = this.#options
    let isOver = false
    const end = () => {
      clearTimeout(timer)
      this.#connection.off('drain', end)
      this.#connection.off('close', end)
      if (isOver) return
      isOver = true
      done()
    }
    const tooLong = () => {
      // Not before the sockets were looked at: this process itself may have been held up.
      setImmediate(() => {
        if (monotonic() - this.#lastProgress >= frozenAfter) this.dropFor('takes nothing')
        end()
      })
    }
    const timer = setTimeout(tooLong, Math.max(0, this.#lastProgress + frozenAfter - monotonic()))
    this.#connection.on('drain', end)
    this.#connection.on('close', end)
  }
}
