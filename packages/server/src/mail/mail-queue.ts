import { randomUUID } from 'node:crypto'
import type { Selectable } from 'kysely'
import { AuthorityError } from '../authority-error.ts'
import type { MasterKey } from '../keys/master-key.ts'
import type { Logger } from '../logger.ts'
import { type Schedule, unheldTimer } from '../schedule.ts'
import type { Database, Schema } from '../store/schema.ts'
import type { Mail } from './mail.ts'
import { unwrapContent, wrapContent } from './mail-content.ts'
import { type MailFailure, readMailFailure } from './mail-failure.ts'
import { splitFrom } from './mail-setting.ts'
import { testMail } from './mail-texts.ts'
import { checkMailbox, maskMailbox } from './mailbox.ts'
import type { MailTransport } from './transport.ts'

/** ms a mail belongs to the authority that took it: how long a delivery can last (`SmtpTimes`), and unequal clocks. */
export const claimTime = 60_000
/** ms that `stop` waits for the delivery in progress. */
const stopTime = 5_000
/** ms until the store is asked again after it failed. */
const storeWait = 5_000

/** 5 s, 10 s, 20 s … 10 min. @param tries that failed so far, from 1 */
export const backOff = (tries: number): number => Math.min(5_000 * 2 ** (tries - 1), 600_000)

export interface MailQueueOptions {
  store: Database
  masterKey: MasterKey
  transport: MailTransport
  /** `Name <address>` */
  from: string
  now: () => number
  logger: Logger
  /** ms until the next try, by how many failed */
  backOff?: (tries: number) => number
  schedule?: Schedule
}

type Row = Selectable<Schema['mails']>

/** Delivers mail from the store, one at a time, until each is handed over, refused or too late; also after a restart. */
export class MailQueue {
  readonly #options: Required<MailQueueOptions>
  #running: Promise<void> | null = null
  #again = false
  #cancelTimer = () => {}
  #stopped = false
  #lastFailure: { time: number; reason: string } | null = null

  constructor(options: MailQueueOptions) {
    this.#options = { backOff, schedule: unheldTimer, ...options }
  }

  /**
   * Puts a mail into the store, best in the transaction that it tells of; `wake` after the commit sends it.
   * @throws AuthorityError `bad-request` when the recipient is no address
   */
  async enqueue(store: Database, { to, subject, text, expiresAt }: Mail): Promise<void> {
    checkMailbox(to)
    const { masterKey, now } = this.#options
    const row = { recipient: to, created_at: now(), expires_at: expiresAt }
    const content_wrapped = wrapContent(masterKey, row, { subject, text, messageId: this.#newMessageId() })
    await store
      .insertInto('mails')
      .values({ ...row, content_wrapped, tries: 0, next_try_at: row.created_at })
      .execute()
  }

  /** Delivers what waits, in the background: how long that takes tells a stranger nothing about an account. */
  wake(): void {
    if (this.#stopped) return
    this.#cancelTimer()
    if (this.#running) {
      this.#again = true
      return
    }
    this.#running = this.#work().finally(() => {
      this.#running = null
      // What was stored after the last look would wait for the next mail.
      if (this.#again) this.wake()
    })
  }

  get transport(): 'smtp' | 'outbox' {
    return this.#options.transport.kind
  }

  /** Why a mail was last not handed over, since the start; time ms. */
  get lastFailure(): { time: number; reason: string } | null {
    return this.#lastFailure
  }

  /** How many mails have not been handed over. */
  async waiting(): Promise<number> {
    const { store } = this.#options
    const { count } = await store
      .selectFrom('mails')
      .select((row) => row.fn.countAll<number | string>().as('count'))
      .executeTakeFirstOrThrow()
    return Number(count)
  }

  /**
   * Delivers a test mail at once, past the queue.
   * @throws AuthorityError `bad-request`, `mail-failed`
   */
  async test(address: string): Promise<{ transport: 'smtp' | 'outbox'; file: string | null }> {
    checkMailbox(address)
    const { transport, from } = this.#options
    try {
      const mail = { ...testMail(), to: address, from, messageId: this.#newMessageId() }
      const { file } = await transport.deliver(mail)
      return { transport: transport.kind, file }
    } catch (error) {
      throw new AuthorityError('mail-failed', `The test mail was not sent. ${readMailFailure(error).reason}`)
    }
  }

  /** Ends the timer, waits a while for the delivery in progress, and closes the transport. What waits stays stored. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelTimer()
    const { schedule, transport } = this.#options
    if (this.#running) {
      const late = Promise.withResolvers<void>()
      const cancel = schedule(late.resolve, stopTime)
      await Promise.race([this.#running, late.promise])
      cancel()
    }
    transport.close()
  }

  async #work(): Promise<void> {
    this.#again = false
    try {
      while (!this.#stopped && (await this.#deliverNext())) {}
      await this.#scheduleNext()
    } catch (error) {
      if (this.#stopped) return
      this.#options.logger.warn({ error: String(error) }, 'the store did not give the waiting mail; asking again')
      this.#wakeIn(storeWait)
    }
  }

  /** Whether there was a mail whose time to be tried had come. */
  async #deliverNext(): Promise<boolean> {
    const { store, now } = this.#options
    const due = store.selectFrom('mails').selectAll().where('next_try_at', '<=', now())
    const row = await due.orderBy('next_try_at').orderBy('id').limit(1).executeTakeFirst()
    if (!row) return false
    if (row.expires_at <= now()) {
      if (await this.#remove(row)) this.#log('warn', row, {}, 'mail dropped: it could not be handed over in time')
      return true
    }
    const claimed = await this.#claim(row)
    if (claimed) await this.#deliver(claimed)
    return true
  }

  // Of several authorities on one store, the one whose update comes first has the mail. If it is killed, the mail
  // becomes due again by itself.
  async #claim(row: Row): Promise<Row | null> {
    const change = { next_try_at: this.#options.now() + claimTime, tries: row.tries + 1 }
    return (await this.#update(row, change)) ? { ...row, ...change } : null
  }

  async #deliver(row: Row): Promise<void> {
    const { transport, masterKey, from } = this.#options
    const content = this.#unwrap(row, masterKey)
    if (!content) {
      if (await this.#remove(row)) this.#log('error', row, {}, 'mail dropped: it was altered in the store')
      return
    }
    const delivery = transport.deliver({ ...content, to: row.recipient, from })
    const outcome = await delivery.catch((error: unknown) => ({ failure: readMailFailure(error) }))
    if ('failure' in outcome) return this.#afterFailure(row, outcome.failure)
    await this.#remove(row)
    this.#log('info', row, outcome.file === null ? {} : { file: outcome.file }, 'mail handed over')
  }

  async #afterFailure(row: Row, { permanent, reason }: MailFailure): Promise<void> {
    this.#lastFailure = { time: this.#options.now(), reason }
    if (permanent) {
      await this.#remove(row)
      return this.#log('warn', row, { reason }, 'mail dropped: the mail server refuses it')
    }
    const next = this.#options.now() + this.#options.backOff(row.tries)
    await this.#update(row, { next_try_at: Math.min(next, row.expires_at) })
    this.#log('warn', row, { reason }, 'mail not handed over; it will be tried again')
  }

  #unwrap(row: Row, masterKey: MasterKey) {
    try {
      return unwrapContent(masterKey, row, row.content_wrapped)
    } catch {
      return null
    }
  }

  async #scheduleNext(): Promise<void> {
    const { store, now } = this.#options
    const first = store.selectFrom('mails').select('next_try_at').orderBy('next_try_at').limit(1)
    const row = await first.executeTakeFirst()
    if (row) this.#wakeIn(Math.max(0, row.next_try_at - now()))
  }

  #wakeIn(delay: number): void {
    if (this.#stopped) return
    this.#cancelTimer()
    this.#cancelTimer = this.#options.schedule(() => this.wake(), delay)
  }

  /** Whether the row was still as it was seen. */
  async #update({ id, next_try_at }: Row, change: Partial<Pick<Row, 'next_try_at' | 'tries'>>): Promise<boolean> {
    const query = this.#options.store.updateTable('mails').set(change)
    const [result] = await query.where('id', '=', id).where('next_try_at', '=', next_try_at).execute()
    return result?.numUpdatedRows === 1n
  }

  /** Whether the row was still as it was seen. */
  async #remove({ id, next_try_at }: Row): Promise<boolean> {
    const query = this.#options.store.deleteFrom('mails').where('id', '=', id)
    const [result] = await query.where('next_try_at', '=', next_try_at).execute()
    return result?.numDeletedRows === 1n
  }

  /** Never what the mail says: it may hold a code. */
  #log(level: 'info' | 'warn' | 'error', row: Row, more: { file?: string; reason?: string }, message: string): void {
    const { logger, transport } = this.#options
    logger[level](
      { transport: transport.kind, mail: row.id, recipient: maskMailbox(row.recipient), tries: row.tries, ...more },
      message,
    )
  }

  #newMessageId(): string {
    const { address } = splitFrom(this.#options.from)
    return `<${randomUUID()}${address.slice(address.lastIndexOf('@'))}>`
  }
}
