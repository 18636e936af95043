import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { MasterKey } from '../src/keys/master-key.ts'
import type { Logger } from '../src/logger.ts'
import type { Mail } from '../src/mail/mail.ts'
import { MailQueue, type MailQueueOptions } from '../src/mail/mail-queue.ts'
import type { MailTransport } from '../src/mail/transport.ts'
import type { Schedule } from '../src/schedule.ts'
import { openStore } from '../src/store/open-store.ts'
import type { Database } from '../src/store/schema.ts'

export const code = '482 913'
export const minute = 60_000

interface LogLine {
  level: number
  msg: string
  recipient?: string
  reason?: string
  transport?: string
  file?: string
  mail?: number
}

/** A log that can be waited for. */
export class Journal {
  readonly lines: LogLine[] = []
  readonly logger: Logger
  readonly #news = new EventEmitter()

  constructor() {
    const write = (line: string) => {
      this.lines.push(JSON.parse(line))
      this.#news.emit('line')
    }
    this.logger = pino({ level: 'info', base: null }, { write })
  }

  /** The lines with this beginning, once there are that many. */
  async entries(start: string, count = 1): Promise<LogLine[]> {
    for (;;) {
      const found = this.lines.filter(({ msg }) => msg.startsWith(start))
      if (found.length >= count) return found
      await once(this.#news, 'line')
    }
  }
}

/** A clock and its one timer, both moved by hand. */
export class ManualTime {
  now = 1_800_000_000_000
  #timer: { work: () => void; delay: number } | null = null
  readonly #news = new EventEmitter()

  readonly schedule: Schedule = (work, delay) => {
    const timer = { work, delay }
    this.#timer = timer
    this.#news.emit('timer')
    return () => {
      if (this.#timer === timer) this.#timer = null
    }
  }

  /** The delay of the timer in ms, once one is set. */
  async delay(): Promise<number> {
    while (!this.#timer) await once(this.#news, 'timer')
    return this.#timer.delay
  }

  /** Waits for a timer and lets its time pass. */
  async elapse(): Promise<void> {
    this.now += await this.delay()
    const work = this.#timer?.work
    this.#timer = null
    work?.()
  }
}

/** A store in a temporary folder with what a queue needs. */
export class TestPost {
  readonly journal = new Journal()
  readonly time = new ManualTime()
  readonly masterKey = new MasterKey(new Uint8Array(randomBytes(32)))
  readonly folder: string
  store: Database
  readonly #location: string
  readonly #queues: MailQueue[] = []

  private constructor(folder: string, location: string, store: Database) {
    this.folder = folder
    this.#location = location
    this.store = store
  }

  /** @param location of a store elsewhere */
  static async open(location: string | null = null): Promise<TestPost> {
    const folder = await mkdtemp(join(tmpdir(), 'sealmq-mail-'))
    const path = location ?? join(folder, 'sealmq.db')
    return new TestPost(folder, path, await openStore(path))
  }

  queue(transport: MailTransport, more: Partial<MailQueueOptions> = {}): MailQueue {
    const { store, masterKey, time } = this
    const queue = new MailQueue({
      store,
      masterKey,
      transport,
      from: 'SealMQ <sealmq@plant.example>',
      now: () => time.now,
      logger: this.journal.logger,
      schedule: time.schedule,
      ...more,
    })
    this.#queues.push(queue)
    return queue
  }

  mail(more: Partial<Mail> = {}): Mail {
    const expiresAt = this.time.now + 60 * minute
    return { to: 'ada@plant.example', subject: 'Your code', text: `Your code:\n\n${code}\n`, expiresAt, ...more }
  }

  /** As after a new start of the process. */
  async reopen(): Promise<void> {
    await this.store.destroy()
    this.store = await openStore(this.#location)
  }

  /** All that the store has on disk. */
  async bytes(): Promise<Buffer> {
    const names = (await readdir(this.folder)).filter((name) => name.startsWith('sealmq.db'))
    return Buffer.concat(await Promise.all(names.map((name) => readFile(join(this.folder, name)))))
  }

  async close(): Promise<void> {
    for (const queue of this.#queues) await queue.stop()
    await this.store.destroy()
    await rm(this.folder, { recursive: true, force: true })
  }
}
