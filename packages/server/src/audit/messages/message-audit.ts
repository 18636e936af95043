import type { Worker } from 'node:worker_threads'
import type { AuditActor, AuditEvent } from '@sealmq/audit-log'
import { decodeEnvelope } from '@sealmq/protocol'
import type {
  AcceptedMessage,
  BrokerConnection,
  BrokerWitness,
  RefusedConnection,
  RefusedMessage,
} from '../../broker/interface.ts'
import type { Logger } from '../../logger.ts'
import { stranger } from '../actors.ts'
import type { NewRecord } from '../append.ts'
import { LimitedEvents } from './limited-events.ts'
import { MessageChecker } from './message-checker.ts'
import type { AuditedChannel, MessageDirectory } from './message-directory.ts'
import { acceptRecord, claimed, type QueuedMessage, senderActor } from './message-records.ts'
import { MinuteCounts } from './minute-counts.ts'
import type { CheckedMessage } from './public-check.ts'
import { RecordQueue, type WaitingRecord } from './record-queue.ts'
import { shownTopic } from './shown-topic.ts'
import { SkippedMessages, type SkipReason } from './skipped-messages.ts'

export interface MessageAuditOptions {
  /** Starts a worker that checks messages; another one when it has ended. */
  startWorker: () => Worker
  /** Channels and senders as they are now. */
  directory: () => MessageDirectory
  /** Appends all of them or none; rejects when the store takes nothing. */
  append: (records: readonly NewRecord[]) => Promise<void>
  logger: Pick<Logger, 'warn'>
  /** Authority time, ms. */
  now: () => number
  /** Calls it again and again until it is ended, ms. */
  every: (interval: number, work: () => void) => { end(): void }
  /** What may wait between the broker and the log; default 20,000 and 32 MiB. */
  maximumMessages?: number
  maximumBytes?: number
}

/** ms after which what waits is checked and written, however little it is. */
const turn = 250
/** Messages in a batch for the worker, and bytes of them. */
const batchLength = 500
const batchBytes = 4 * 1024 * 1024
/** Batches that the worker has at a time. */
const batchesAtOnce = 2
/** Between two warnings, ms. */
const warningInterval = 60_000
/** Characters of what a client calls itself, and of a rule, which may name a topic. */
const clientIdLength = 100
const ruleLength = 200

/**
 * Records what goes through a broker, by the level of each channel. It opens nothing, and nothing waits for it: what is
 * too much is counted, and the count is recorded.
 */
export class MessageAudit implements BrokerWitness {
  readonly #options: MessageAuditOptions
  readonly #checker: MessageChecker
  readonly #skipped = new SkippedMessages()
  readonly #records: RecordQueue
  #counts: MinuteCounts
  #limits: LimitedEvents
  /** The directory that was used last. */
  #directory: MessageDirectory
  #queue: QueuedMessage[] = []
  #observed = 0
  #refusals = 0
  readonly #underWay = new Set<Promise<void>>()
  /** Of messages that are not checked yet. */
  #unchecked = 0
  #uncheckedBytes = 0
  #timer: { end(): void } | null = null
  #lastWarning = Number.NEGATIVE_INFINITY

  constructor(options: MessageAuditOptions) {
    this.#options = options
    this.#checker = new MessageChecker(options.startWorker)
    this.#directory = options.directory()
    this.#counts = new MinuteCounts(options.now())
    this.#limits = new LimitedEvents(options.now())
    this.#records = new RecordQueue({
      append: options.append,
      skipped: this.#skipped,
      failed: (error) => this.#warn({ error: String(error) }),
      now: options.now,
    })
  }

  start(): void {
    this.#timer ??= this.#options.every(turn, () => this.#turn())
  }

  /** Records all that waits; what the store does not take now is lost, and only the log of the authority says so. */
  async stop(): Promise<void> {
    this.#timer?.end()
    this.#timer = null
    this.#finishMinute(true)
    while (this.#queue.length > 0 || this.#underWay.size > 0) {
      this.#dispatch()
      await Promise.all(this.#underWay)
    }
    await this.#records.stop()
    await this.#checker.stop()
    if (this.#skipped.isEmpty) return
    this.#lastWarning = Number.NEGATIVE_INFINITY
    this.#warn({ reason: 'the authority stops' })
  }

  /** Messages and events that are not in the log yet. */
  get waiting(): number {
    return this.#unchecked + this.#records.length
  }

  /** Messages since the start that were seen, recorded or not. */
  get observed(): number {
    return this.#observed
  }

  /** Messages, wills and connections since the start that were refused. */
  get refusals(): number {
    return this.#refusals
  }

  /** Messages since the start that went by unrecorded. */
  get skipped(): number {
    return this.#skipped.total
  }

  observe(message: AcceptedMessage): void {
    this.#observed += 1
    try {
      this.#take(message)
    } catch (error) {
      this.#skip('internal', null, message.time, 1, error)
    }
  }

  refused({ sender, address, kind, topic, rule, time }: RefusedMessage): void {
    this.#refusals += 1
    this.#limited(sender === null ? (address ?? '') : String(sender), sender, address, time, (directory) => ({
      action: 'message.refuse',
      result: 'refused',
      code: 'not-permitted',
      on: { kind: 'topic', id: null, name: shownTopic(topic) },
      channel: directory.channelOf(topic)?.name ?? null,
      detail: { rule: rule.slice(0, ruleLength).toWellFormed(), ...(kind === 'will' ? { will: true } : {}) },
    }))
  }

  connectionOpened(connection: BrokerConnection): void {
    this.#connection('connection.open', connection, connection.since, {})
  }

  connectionClosed(connection: BrokerConnection, time: number): void {
    this.#connection('connection.close', connection, time, { since: connection.since })
  }

  connectionRefused({ address, username, time }: RefusedConnection): void {
    this.#refusals += 1
    // Of other names nothing is kept: people paste passwords there.
    const isName = /^sender-[1-9][0-9]{0,9}$/.test(username)
    this.#limited(address, null, address, time, () => ({
      action: 'connection.refuse',
      result: 'refused',
      code: 'wrong-credentials',
      detail: isName ? { username } : {},
    }))
  }

  unobserved(from: number, to: number): void {
    this.#skipped.addSpan('unobserved', from, to)
  }

  #connection(
    action: 'connection.open' | 'connection.close',
    { sender, clientId, address }: BrokerConnection,
    time: number,
    detail: { since?: number },
  ): void {
    this.#limited(String(sender), sender, address, time, (directory) => ({
      action,
      on: { kind: 'sender', id: String(sender), name: directory.senders.get(sender)?.name ?? null },
      detail: { clientId: clientId.slice(0, clientIdLength).toWellFormed(), ...detail },
    }))
  }

  #take(message: AcceptedMessage): void {
    const { topic, payload, sender, time } = message
    const directory = this.#renewed()
    const channel = directory.channelOf(topic)
    if (!channel) this.#skip('no-channel', null, time)
    else if (channel.level === 'counts') {
      if (this.#counts.isOver(time)) this.#finishMinute(false)
      this.#counts.add(this.#counted(directory, channel, sender, payload), channel, shownTopic(topic), payload.length)
    } else if (channel.level === 'every-message') {
      const by = sender === null ? null : senderActor(directory, sender)
      this.#enqueue({ ...message, channel, by })
    }
  }

  #enqueue(message: QueuedMessage): void {
    const { maximumMessages = 20_000, maximumBytes = 32 * 1024 * 1024 } = this.#options
    const { length } = message.payload
    if (this.waiting >= maximumMessages || this.#uncheckedBytes + length > maximumBytes) {
      this.#skip('too-many', message.channel.name, message.time)
      return
    }
    this.#queue.push(message)
    this.#unchecked++
    this.#uncheckedBytes += length
    if (this.#queue.length >= batchLength) this.#dispatch()
  }

  // Who is counted: where the broker does not tell, the header does, unproved.
  #counted(
    directory: MessageDirectory,
    channel: AuditedChannel,
    sender: number | null,
    payload: Uint8Array,
  ): AuditActor {
    if (sender !== null) {
      const actor = senderActor(directory, sender)
      return channel.signed ? actor : claimed(actor)
    }
    const named = directory.senders.get(headerSender(payload) ?? 0)
    return named ? claimed(named.actor) : stranger()
  }

  #limited(
    by: string,
    sender: number | null,
    address: string | null,
    time: number,
    event: (directory: MessageDirectory) => AuditEvent,
  ): void {
    try {
      const directory = this.#renewed()
      if (this.#limits.isOver(time)) this.#add(this.#limits.finish(time))
      const actor = sender === null ? stranger() : senderActor(directory, sender)
      const record = { event: event(directory), origin: { actor, address, request: null } }
      this.#add(this.#limits.take(by, record, time))
    } catch (error) {
      this.#skip('internal', null, time, 0, error)
    }
  }

  #add(records: readonly WaitingRecord[]): void {
    const { maximumMessages = 20_000 } = this.#options
    for (const record of records) {
      if (this.waiting < maximumMessages) this.#records.add([record])
      else this.#skip('too-many', record.record.event.channel ?? null, record.time, record.messages)
    }
    if (this.#records.isDue) this.#write()
  }

  #turn(): void {
    try {
      this.#renewed()
      this.#finishMinute(false)
      this.#dispatch()
      this.#write()
    } catch (error) {
      this.#warn({ error: String(error) })
    }
  }

  /** The directory of now. Counts of a channel that is not counted any more are told at once. */
  #renewed(): MessageDirectory {
    const directory = this.#options.directory()
    if (directory === this.#directory) return directory
    this.#directory = directory
    const counted = new Set(directory.channels.filter(({ level }) => level === 'counts').map(({ id }) => id))
    this.#add(this.#counts.take(this.#options.now(), ({ id }) => !counted.has(id)))
    return directory
  }

  #finishMinute(isEnd: boolean): void {
    const now = this.#options.now()
    if (isEnd || this.#counts.isOver(now)) {
      this.#add(this.#counts.take(now))
      this.#counts.begin(now)
    }
    if (isEnd || this.#limits.isOver(now)) this.#add(this.#limits.finish(now))
  }

  #dispatch(): void {
    while (this.#queue.length > 0 && this.#underWay.size < batchesAtOnce) {
      const batch = this.#nextBatch()
      const checking = this.#check(batch).finally(() => {
        this.#underWay.delete(checking)
        if (this.#queue.length >= batchLength) this.#dispatch()
      })
      this.#underWay.add(checking)
    }
  }

  #nextBatch(): QueuedMessage[] {
    let bytes = 0
    let length = 0
    for (const { payload } of this.#queue) {
      bytes += payload.length
      if (length === batchLength || (length > 0 && bytes > batchBytes)) break
      length++
    }
    return this.#queue.splice(0, length)
  }

  async #check(batch: readonly QueuedMessage[]): Promise<void> {
    const directory = this.#directory
    let records: WaitingRecord[] = []
    try {
      const checked: CheckedMessage[] = await this.#checker.check(batch, directory)
      records = batch.map((message, index) => acceptRecord(message, checked[index]!, directory))
    } catch (error) {
      for (const { channel, time } of batch) this.#skip('check', channel.name, time, 1, error)
    }
    this.#unchecked -= batch.length
    for (const { payload } of batch) this.#uncheckedBytes -= payload.length
    this.#records.add(records)
    this.#write()
  }

  #write(): void {
    this.#records.write().catch((error: unknown) => this.#warn({ error: String(error) }))
  }

  #skip(reason: SkipReason, channel: string | null, time: number, messages = 1, error?: unknown): void {
    this.#skipped.add(reason, channel, time, messages)
    this.#warn({ reason, ...(error === undefined ? {} : { error: String(error) }) })
  }

  #warn(why: { reason?: string; error?: string }): void {
    const now = this.#options.now()
    if (Math.abs(now - this.#lastWarning) < warningInterval) return
    this.#lastWarning = now
    const { waiting, skipped } = this
    this.#options.logger.warn({ ...why, waiting, skipped }, 'the audit of messages does not keep up')
  }
}

function headerSender(payload: Uint8Array): number | null {
  try {
    return decodeEnvelope(payload).header.sender
  } catch {
    return null
  }
}
