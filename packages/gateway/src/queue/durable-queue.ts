import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import { ClassicLevel } from 'classic-level'
import type { QueueConfig } from '../config/gateway-config.ts'
import { GatewayError } from '../gateway-error.ts'
import { type Arrival, decodeKept, encodeKept, type KeptMessage } from './kept-message.ts'

/** A message in the queue. */
export interface QueuedMessage extends KeptMessage {
  /** Its place; grows. */
  number: number
  arrival: Arrival
}

export interface QueueClocks {
  /** ms. */
  wall: () => number
  /** Monotonic, ms. */
  monotonic: () => number
}

/** A message that a full queue does not take. */
export class QueueFull extends Error {}

interface Waiting {
  message: QueuedMessage
  value: Buffer
  stored: () => void
  failed: (error: unknown) => void
}

/** Messages that are kept in memory too, so that they need not be read back. */
const windowLength = 1000
const loadLength = 250
/** 'm' ‖ number, 8 bytes ‖ length, 4 bytes: at the start the keys alone tell how much there is. */
const keyLength = 13
const firstKey = Buffer.from('m')
const endKey = Buffer.from('n')
const idKey = Buffer.from('id')

/**
 * Messages on disk, in the order in which they came, until each is removed. `put` is done when a message is written
 * and synced; messages that come meanwhile share the next sync.
 */
export class DurableQueue {
  /** 8 bytes of this queue's own: with a number, the same message again can be told. */
  id: Buffer = Buffer.alloc(0)
  /** Messages that had to make room. */
  dropped = 0
  bytes = 0
  readonly #config: QueueConfig
  readonly #clocks: QueueClocks
  readonly #database: ClassicLevel<Buffer, Buffer>
  readonly #run = randomBytes(6).toString('base64url')
  /** Bytes by number, in order. */
  readonly #sizes = new Map<number, number>()
  readonly #taken = new Set<number>()
  #ready: QueuedMessage[] = []
  #loadedThrough = -1
  #lastStored = -1
  #nextNumber = 0
  #reservedTo = 0
  #puts: Waiting[] = []
  #removals: Buffer[] = []
  #writing: Promise<void> | null = null
  #wake: (() => void) | null = null

  private constructor(config: QueueConfig, clocks: QueueClocks) {
    this.#config = config
    this.#clocks = clocks
    this.#database = new ClassicLevel(config.folder, { keyEncoding: 'buffer', valueEncoding: 'buffer' })
  }

  /** @throws GatewayError `queue-locked`, `queue-damaged` */
  static async open(config: QueueConfig, clocks: QueueClocks): Promise<DurableQueue> {
    const queue = new DurableQueue(config, clocks)
    await mkdir(config.folder, { recursive: true, mode: 0o700 }).catch((error: NodeJS.ErrnoException) => {
      throw new GatewayError('queue-damaged', `The queue folder ${config.folder} cannot be made (${error.code}).`)
    })
    await queue.#database.open().catch((error: Error & { cause?: { code?: string } }) => {
      const { code } = error.cause ?? {}
      if (code === 'LEVEL_LOCKED')
        throw new GatewayError('queue-locked', `Another gateway has the queue ${config.folder}.`)
      throw new GatewayError('queue-damaged', `The queue ${config.folder} cannot be opened (${code ?? error.message}).`)
    })
    await queue.#read()
    return queue
  }

  /** Messages in the queue. */
  get length(): number {
    return this.#sizes.size
  }

  /**
   * Takes a message; resolves when it is on disk.
   * @throws QueueFull; the error of the disk
   */
  put(message: KeptMessage): Promise<void> {
    const arrival = { wall: this.#clocks.wall(), monotonic: this.#clocks.monotonic(), run: this.#run }
    const value = encodeKept(message, arrival)
    if (!this.#makeRoom(value.length)) return Promise.reject(new QueueFull('the queue is full'))
    // Of the copy: the machine's bytes may lie in a large buffer of its connection, which would be kept with them.
    const payload = value.subarray(value.length - message.payload.length)
    const queued = { ...message, payload, number: this.#nextNumber++, arrival }
    this.#sizes.set(queued.number, value.length)
    this.bytes += value.length
    return new Promise((stored, failed) => {
      this.#puts.push({ message: queued, value, stored, failed })
      this.#write()
    })
  }

  /** The next message that was not taken yet, or null when there is none now. */
  async take(): Promise<QueuedMessage | null> {
    for (;;) {
      const message = this.#ready.shift()
      if (message) {
        if (!this.#sizes.has(message.number)) continue
        this.#taken.add(message.number)
        return message
      }
      if (this.#loadedThrough >= this.#lastStored) return null
      await this.#load()
    }
  }

  /** Waits until a message came since `take` gave null, or `wake` is called. */
  available(): Promise<void> {
    if (this.#ready.length > 0 || this.#loadedThrough < this.#lastStored) return Promise.resolve()
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  wake(): void {
    this.#wake?.()
    this.#wake = null
  }

  /** A message was delivered, or never will be. */
  remove(number: number): void {
    const size = this.#forget(number)
    if (size === undefined) return
    this.#removals.push(keyOf(number, size))
    this.#write()
  }

  /** A taken message stays where it is, and may be dropped to make room. */
  putBack(number: number): void {
    this.#taken.delete(number)
  }

  /** From here on `take` begins anew with the oldest. */
  rewind(): void {
    this.#taken.clear()
    this.#ready = []
    this.#loadedThrough = -1
    this.wake()
  }

  /** How long ago a message came, ms. A wall clock that was set back meanwhile makes it 0 for messages of an earlier start. */
  ageOf({ arrival }: QueuedMessage): number {
    const { wall, monotonic } = this.#clocks
    return Math.max(0, arrival.run === this.#run ? monotonic() - arrival.monotonic : wall() - arrival.wall)
  }

  /** The same bytes for the same message, also after a restart. */
  originOf({ number }: QueuedMessage): Uint8Array {
    const origin = Buffer.allocUnsafe(this.id.length + 8)
    this.id.copy(origin)
    origin.writeBigUInt64BE(BigInt(number), this.id.length)
    return origin
  }

  /** Writes what waits, then closes. */
  async close(): Promise<void> {
    await this.#writing
    await this.#database.close()
  }

  async #read(): Promise<void> {
    const id = await this.#database.get(idKey)
    this.id = id ?? randomBytes(8)
    if (!id) await this.#database.put(idKey, this.id, { sync: true })
    for await (const key of this.#database.keys({ gte: firstKey, lt: endKey })) {
      if (key.length !== keyLength) continue
      const number = Number(key.readBigUInt64BE(1))
      this.#sizes.set(number, key.readUInt32BE(9))
      this.bytes += key.readUInt32BE(9)
      this.#lastStored = number
    }
    // A number is never used twice: it is part of what tells a message from another.
    const next = await this.#database.get(nextKey)
    this.#nextNumber = Math.max(this.#lastStored + 1, next ? Number(next.readBigUInt64BE()) : 0)
    await this.#reserveNumbers()
  }

  async #reserveNumbers(): Promise<void> {
    this.#reservedTo = this.#nextNumber + reservedNumbers
    await this.#database.put(nextKey, numberBytes(this.#reservedTo))
  }

  #makeRoom(length: number): boolean {
    const { maximumMessages, maximumBytes, whenFull } = this.#config
    if (length > maximumBytes) return false
    const isFull = () => this.#sizes.size >= maximumMessages || this.bytes + length > maximumBytes
    if (!isFull()) return true
    if (whenFull === 'refuse-newest') return false
    while (isFull()) {
      const oldest = this.#oldest()
      if (oldest === undefined) return false
      this.dropped++
      this.remove(oldest)
    }
    return true
  }

  // Rather none that is on its way: it may well arrive.
  #oldest(): number | undefined {
    for (const number of this.#sizes.keys()) if (!this.#taken.has(number)) return number
    return this.#sizes.keys().next().value
  }

  #forget(number: number): number | undefined {
    const size = this.#sizes.get(number)
    if (size === undefined) return undefined
    this.#sizes.delete(number)
    this.#taken.delete(number)
    this.bytes -= size
    return size
  }

  #write(): void {
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = null
      if (this.#puts.length > 0) this.#write()
    })
  }

  async #writeAll(): Promise<void> {
    // What came in the same turn shares the first sync too.
    await null
    while (this.#puts.length > 0 || this.#removals.length > 0) {
      const puts = this.#puts.splice(0)
      const removals = this.#removals.splice(0)
      const operations = [
        ...puts.map(({ message: { number }, value }) => ({
          type: 'put' as const,
          key: keyOf(number, value.length),
          value,
        })),
        // Behind the puts: one of them may have been dropped at once.
        ...removals.map((key) => ({ type: 'del' as const, key })),
      ]
      try {
        if (this.#nextNumber > this.#reservedTo) await this.#reserveNumbers()
        // A removal that is lost means a message twice; a put that is lost would mean none.
        await this.#database.batch(operations, { sync: puts.length > 0 })
        for (const { message, stored } of puts) {
          this.#stored(message)
          stored()
        }
      } catch (error) {
        for (const { message, failed } of puts) {
          this.#forget(message.number)
          failed(error)
        }
        this.#removals.unshift(...removals)
        await this.#reopen()
        return
      }
    }
  }

  // After a failed write, of a full disk for example, LevelDB takes nothing more until it is opened anew.
  async #reopen(): Promise<void> {
    await this.#database.close().catch(() => {})
    await this.#database.open().catch(() => {})
  }

  #stored(message: QueuedMessage): void {
    this.#lastStored = message.number
    if (this.#loadedThrough === message.number - 1 && this.#ready.length < windowLength) {
      this.#loadedThrough = message.number
      this.#ready.push(message)
    }
    this.wake()
  }

  async #load(): Promise<void> {
    const [from, last] = [this.#loadedThrough, this.#lastStored]
    const found: QueuedMessage[] = []
    const range = { gt: Buffer.concat([numberKey(from), Buffer.alloc(4, 0xff)]), lt: endKey, limit: loadLength }
    for await (const [key, value] of this.#database.iterator(from < 0 ? { ...range, gt: firstKey } : range)) {
      const number = Number(key.readBigUInt64BE(1))
      found.push(decodeStored(number, value))
    }
    // It was rewound meanwhile.
    if (this.#loadedThrough !== from) return
    this.#loadedThrough = found.length < loadLength ? Math.max(last, found.at(-1)?.number ?? -1) : found.at(-1)!.number
    this.#ready.push(...found)
  }
}

/** Numbers are set aside on disk in steps of this, so that a crash never gives one twice. */
const reservedNumbers = 100_000
const nextKey = Buffer.from('next')

const numberBytes = (number: number) => {
  const bytes = Buffer.allocUnsafe(8)
  bytes.writeBigUInt64BE(BigInt(number))
  return bytes
}

const numberKey = (number: number) => Buffer.concat([firstKey, numberBytes(Math.max(0, number))])

function keyOf(number: number, length: number): Buffer {
  const key = Buffer.allocUnsafe(keyLength)
  firstKey.copy(key)
  key.writeBigUInt64BE(BigInt(number), 1)
  key.writeUInt32BE(length, 9)
  return key
}

function decodeStored(number: number, value: Buffer): QueuedMessage {
  const { message, arrival } = decodeKept(value)
  return { ...message, number, arrival }
}
