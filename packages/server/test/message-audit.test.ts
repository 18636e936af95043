import { setImmediate, setTimeout } from 'node:timers/promises'
import { Worker } from 'node:worker_threads'
import { encodeRecord } from '@sealmq/audit-log'
import type { AuditLevel } from '@sealmq/protocol/api'
import { afterEach, describe, expect, it } from 'vitest'
import type { NewRecord } from '../src/audit/append.ts'
import { MessageAudit, type MessageAuditOptions } from '../src/audit/messages/message-audit.ts'
import { startCheckWorker } from '../src/audit/messages/message-checker.ts'
import { type AuditedChannel, type AuditedSender, MessageDirectory } from '../src/audit/messages/message-directory.ts'
import { minute, second, TestClock } from './test-clock.ts'

describe('the audit of messages by itself', () => {
  const open: { stop(): Promise<void> }[] = []
  afterEach(async () => {
    for (const harness of open.splice(0)) await harness.stop()
  })
  const start = (options: Partial<MessageAuditOptions> = {}) => {
    const harness = new Harness(options)
    open.push(harness.audit)
    return harness
  }

  describe('when more comes than it may keep', () => {
    it('counts what goes by, tells how much and between which times, and loses nothing else', async () => {
      const harness = start({ maximumMessages: 20 })
      const begin = harness.clock.time
      for (let index = 0; index < 50; index++) {
        harness.observe('every/a', 'x')
        harness.clock.move(1)
      }
      expect([harness.audit.waiting, harness.audit.skipped]).toEqual([20, 30])
      await harness.settle()
      expect(harness.of('message.accept')).toHaveLength(20)
      expect(harness.of('message.skip')).toEqual([
        { messages: 30, from: begin + 20, to: begin + 49, reason: 'too-many', channel: 'every' },
      ])
      expect(harness.audit.waiting).toBe(0)
      harness.observe('every/a', 'x')
      await harness.settle()
      expect([harness.of('message.accept').length, harness.audit.skipped]).toEqual([21, 30])
    })

    it('bounds bytes too', async () => {
      const harness = start({ maximumBytes: 1000 })
      for (let index = 0; index < 5; index++) harness.observe('every/a', 'x'.repeat(300))
      expect([harness.audit.waiting, harness.audit.skipped]).toEqual([3, 2])
      await harness.settle()
      harness.observe('every/a', 'x'.repeat(1000))
      await harness.settle()
      expect([harness.of('message.accept').length, harness.audit.skipped]).toEqual([4, 2])
    })

    it('warns once a minute', async () => {
      const harness = start({ maximumMessages: 1 })
      for (let index = 0; index < 50; index++) harness.observe('every/a', 'x')
      expect(harness.warnings).toEqual([{ reason: 'too-many', waiting: 1, skipped: 1 }])
      harness.clock.move(minute)
      for (let index = 0; index < 50; index++) harness.observe('every/a', 'x')
      expect(harness.warnings).toHaveLength(2)
    })
  })

  describe('while the store takes nothing', () => {
    it('keeps what came, in order, and writes it when it can', async () => {
      const harness = start()
      harness.fails = true
      for (let index = 0; index < 1200; index++) harness.observe('every/a', String(index).padStart(1 + index, 'x'))
      await harness.settle()
      expect([harness.records.length, harness.audit.waiting]).toEqual([0, 1200])
      harness.clock.move(second)
      await harness.settle()
      expect(harness.audit.waiting).toBe(1200)
      harness.fails = false
      harness.clock.move(second)
      await harness.settle()
      expect(harness.of('message.accept').map(({ size }) => size)).toEqual(
        Array.from({ length: 1200 }, (_, index) => Math.max(index + 1, String(index).length)),
      )
      expect(harness.audit.skipped).toBe(0)
      expect(harness.transactions.every((length) => length <= 501)).toBe(true)
      expect(harness.warnings.length).toBe(1)
    })

    it('gives a batch up after a minute, and says so when it can', async () => {
      const harness = start()
      const begin = harness.clock.time
      harness.fails = true
      for (let index = 0; index < 3; index++) harness.observe('every/a', 'x')
      harness.audit.connectionOpened({ sender: 1, clientId: 'c', address: '::1', since: begin })
      await harness.settle()
      for (let tries = 0; tries < 61; tries++) {
        harness.clock.move(second)
        await harness.settle()
      }
      expect([harness.audit.waiting, harness.audit.skipped]).toEqual([0, 3])
      harness.fails = false
      harness.clock.move(second)
      await harness.settle()
      expect(harness.of('message.skip')).toEqual([
        { messages: 0, events: 1, from: begin, to: begin, reason: 'store', channel: null },
        { messages: 3, from: begin, to: begin, reason: 'store', channel: 'every' },
      ])
    })

    it('ends all the same, and says in the log of the authority what was lost', async () => {
      const harness = start()
      harness.fails = true
      harness.observe('every/a', 'x')
      harness.observe('counts/a', 'x')
      await harness.audit.stop()
      expect(harness.audit.skipped).toBe(2)
      expect(harness.warnings.at(-1)).toEqual({ reason: 'the authority stops', waiting: 0, skipped: 2 })
    })
  })

  describe('when the worker dies', () => {
    const dead = () => new Worker('process.exit(1)', { eval: true })

    it('has its batch checked by another one', async () => {
      let started = 0
      const harness = start({ startWorker: () => (started++ === 0 ? dead() : startCheckWorker(new Uint8Array(16))) })
      harness.observe('every/a', 'x')
      harness.observe('every/b', 'x')
      await harness.settle()
      expect(harness.of('message.accept').map(({ malformed }) => malformed)).toEqual(['malformed', 'malformed'])
      expect([started, harness.audit.skipped]).toEqual([2, 0])
    })

    it('counts a batch of which it dies twice, and goes on', async () => {
      let started = 0
      const harness = start({ startWorker: () => (started++ < 2 ? dead() : startCheckWorker(new Uint8Array(16))) })
      const time = harness.clock.time
      harness.observe('every/a', 'x')
      await harness.settle()
      harness.observe('every/b', 'x')
      await harness.settle()
      expect(harness.of('message.skip')).toEqual([
        { messages: 1, from: time, to: time, reason: 'check', channel: 'every' },
      ])
      expect(harness.of('message.accept')).toHaveLength(1)
    })

    it('has messages checked again after it is ended in the middle of its work', async () => {
      const workers: Worker[] = []
      const harness = start({
        startWorker: () => {
          const worker = startCheckWorker(new Uint8Array(16))
          workers.push(worker)
          return worker
        },
      })
      for (let round = 0; round < 3; round++) {
        for (let index = 0; index < 700; index++) harness.observe('every/a', 'x'.repeat(2000))
        void workers.at(-1)!.terminate()
        await harness.settle()
      }
      expect(workers.length).toBeGreaterThan(1)
      expect([harness.of('message.accept').length, harness.audit.skipped]).toEqual([2100, 0])
    })
  })

  describe('counts', () => {
    it('stay within bounds, and none is lost', async () => {
      const harness = start()
      for (let index = 0; index < 12_000; index++) harness.observe(`counts/${index}`, 'xy')
      for (let index = 0; index < 500; index++) harness.observe('counts/0', 'xy', 2)
      harness.clock.move(minute)
      await harness.settle()
      const records = harness.records.filter(({ event }) => event.action === 'message.count')
      for (const { event, origin } of records) {
        const text = encodeRecord({ ...full(event), ...origin, position: 1, time: 1 })
        expect(Buffer.byteLength(text)).toBeLessThan(32 * 1024)
      }
      const counts = records.flatMap(({ event }) => event.detail!.topics as { messages: number; bytes: number }[])
      const others = records.flatMap(({ event }) => (event.detail!.otherTopics ?? []) as { messages: number }[])
      expect(counts.length).toBe(10_000)
      expect(others).toEqual([
        { messages: 2000, bytes: 4000 },
        { messages: 500, bytes: 1000 },
      ])
    })

    it('show of a long topic its beginning and its hash', async () => {
      const harness = start()
      const topic = `counts/${'ä'.repeat(32_000)}`
      for (let index = 0; index < 100; index++) harness.observe(`${topic}${index}`, 'x')
      harness.observe(`every/${topic}`, 'x')
      await harness.audit.stop()
      const texts = harness.records.map(({ event, origin }) =>
        encodeRecord({ ...full(event), ...origin, position: 1, time: 1 }),
      )
      expect(Math.max(...texts.map((text) => Buffer.byteLength(text)))).toBeLessThan(32 * 1024)
      const topics = harness.of('message.count').flatMap(({ topics }) => topics as { topic: string }[])
      expect(new Set(topics.map(({ topic: shown }) => shown)).size).toBe(100)
      expect(topics[0]!.topic).toMatch(/^counts\/ä+… sha256:[0-9a-f]{64}$/)
    })

    it('begin anew when the clock is set back', async () => {
      const harness = start()
      const begin = harness.clock.time
      harness.observe('counts/a', 'x')
      harness.clock.move(-10 * minute)
      harness.observe('counts/a', 'x')
      await harness.settle()
      await harness.audit.stop()
      expect(harness.of('message.count').map(({ from, to }) => [from, to])).toEqual([
        [begin, begin],
        [begin - 10 * minute, begin - 10 * minute],
      ])
    })
  })

  describe('where the broker does not tell whose connection it is', () => {
    it('counts and records whom the header names as a claim', async () => {
      const harness = start()
      // An unsigned envelope of sender 1 in epoch 5.
      const envelope = Buffer.concat([
        Buffer.from('d0835822a301030451010000000500000001', 'hex'),
        Buffer.alloc(8, 1),
        Buffer.from('064a', 'hex'),
        Buffer.alloc(10),
        Buffer.from('a040', 'hex'),
      ])
      for (const topic of ['counts/a', 'every/a']) harness.observe(topic, envelope, null)
      for (const topic of ['counts/a', 'every/a']) harness.observe(topic, 'no envelope', null)
      await harness.settle()
      await harness.audit.stop()
      const actors = harness.records.map(({ event, origin: { actor } }) => [event.action, actor.kind, actor.claimed])
      expect(actors.sort()).toEqual([
        ['message.accept', 'sender', true],
        ['message.accept', 'stranger', undefined],
        ['message.count', 'sender', true],
        ['message.count', 'stranger', undefined],
      ])
      expect(harness.of('message.accept')[0]).toMatchObject({ epoch: 5, signature: 'none' })
    })
  })

  it('says that a message came on a topic of no channel', async () => {
    const harness = start()
    harness.observe('elsewhere', 'x')
    await harness.settle()
    expect(harness.of('message.skip')).toMatchObject([{ messages: 1, reason: 'no-channel', channel: null }])
  })

  it('never throws, whatever its parts do', async () => {
    let isBroken = false
    const { directory } = testDirectory()
    const harness = start({
      directory: () => {
        if (isBroken) throw new Error('broken')
        return directory
      },
    })
    isBroken = true
    harness.observe('every/a', 'x')
    harness.audit.connectionRefused({ address: '::1', username: 'x', time: 0 })
    harness.turn()
    isBroken = false
    await harness.settle()
    expect(harness.of('message.skip')).toMatchObject([{ messages: 1, events: 1, reason: 'internal' }])
  })

  describe('refusals', () => {
    const refuse = (harness: Harness, sender: number, count: number) => {
      for (let index = 0; index < count; index++) {
        const { time } = harness.clock
        const refusal = { sender, address: '10.0.0.1', kind: 'publish' as const, topic: 'counts/a', rule: 'No.', time }
        harness.audit.refused(refusal)
      }
    }

    it('are recorded one by one up to sixty a minute of one sender, the rest as a count', async () => {
      const harness = start()
      const begin = harness.clock.time
      refuse(harness, 1, 100)
      refuse(harness, 2, 10)
      for (let index = 0; index < 70; index++)
        harness.audit.connectionRefused({ address: '10.0.0.9', username: 'sender-7', time: begin })
      await harness.settle()
      expect([harness.of('message.refuse').length, harness.of('connection.refuse').length]).toEqual([70, 60])
      harness.clock.move(minute)
      await harness.settle()
      expect(harness.of('message.refuse').slice(70)).toEqual([{ more: 40, from: begin, to: begin, channel: null }])
      expect(harness.of('connection.refuse').slice(60)).toEqual([{ more: 10, from: begin, to: begin, channel: null }])
      const last = harness.records.findLast(({ event }) => event.action === 'message.refuse')!
      expect([last.origin.actor.sender, last.event.result, last.event.code]).toEqual([1, 'refused', 'not-permitted'])
      refuse(harness, 1, 1)
      await harness.settle()
      expect(harness.of('message.refuse')).toHaveLength(72)
    })

    it('of strangers are three hundred a minute at most, whatever their addresses are', async () => {
      const harness = start()
      const { time } = harness.clock
      for (let index = 0; index < 1_000; index++)
        harness.audit.connectionRefused({ address: `10.0.0.${index % 50}`, username: '', time })
      await harness.audit.stop()
      const details = harness.of('connection.refuse')
      const more = details.flatMap((detail) => (detail.more === undefined ? [] : [Number(detail.more)]))
      expect([details.length - more.length, more.reduce((sum, count) => sum + count, 0)]).toEqual([300, 700])
    })

    it('of very many addresses stay within bounds, and none is lost', async () => {
      const harness = start()
      const { time } = harness.clock
      // One host has 2^64 of these: together they are one address.
      for (let index = 0; index < 5_000; index++)
        harness.audit.connectionRefused({ address: `2001:db8::${index.toString(16)}`, username: '', time })
      for (let index = 0; index < 10_000; index++)
        harness.audit.connectionRefused({ address: `10.0.${index >> 8}.${index & 255}`, username: '', time })
      await harness.audit.stop()
      const details = harness.of('connection.refuse')
      const more = details.flatMap((detail) => (detail.more === undefined ? [] : [Number(detail.more)]))
      expect([details.length - more.length, more.length]).toEqual([60 + 99 + 60, 2])
      expect(harness.records.flatMap(({ origin }) => origin.address ?? [])).toContain('2001:db8:0:0::/64')
      expect(details.length - more.length + more.reduce((sum, count) => sum + count, 0)).toBe(15_000)
    })
  })
})

const full = (event: NewRecord['event']) => ({
  ...{ result: 'done' as const, code: null, on: null, channel: null, detail: {} },
  ...event,
})

function testDirectory() {
  const channels = (['off', 'counts', 'every-message'] as AuditLevel[]).map((level): AuditedChannel => {
    const name = level.split('-')[0]!
    return { id: name.padEnd(32, '0'), name, filters: [`${name}/#`], level, signed: true, epochs: new Map() }
  })
  const senders = new Map<number, AuditedSender>()
  for (const sender of [1, 2]) {
    const actor = { kind: 'sender' as const, member: `m${sender}`, sender, name: `s${sender}@plant.example`, roles: [] }
    senders.set(sender, { actor, name: `s${sender}`, algorithm: 'ES256', publicKey: new Uint8Array(65) })
  }
  const valid = channels.map((channel) => ({
    ...channel,
    id: Buffer.from(channel.name).toString('hex').padEnd(32, '0'),
  }))
  return { directory: new MessageDirectory(valid, senders) }
}

/** The audit with a store and a clock of the test's own. */
class Harness {
  readonly clock = new TestClock()
  readonly records: NewRecord[] = []
  /** Records of each transaction. */
  readonly transactions: number[] = []
  readonly warnings: object[] = []
  readonly audit: MessageAudit
  fails = false
  #asked = 0
  turn: () => void = () => {}

  constructor(options: Partial<MessageAuditOptions>) {
    const { directory } = testDirectory()
    this.audit = new MessageAudit({
      startWorker: () => startCheckWorker(new Uint8Array(16)),
      directory: () => directory,
      append: async (records) => {
        await setImmediate()
        this.#asked++
        if (this.fails) throw new Error('the store is away')
        this.records.push(...records)
        this.transactions.push(records.length)
      },
      logger: { warn: (fields: object) => void this.warnings.push(fields) } as MessageAuditOptions['logger'],
      now: this.clock.now,
      every: (_interval, work) => {
        this.turn = work
        return { end: () => {} }
      },
      ...options,
    })
    this.audit.start()
  }

  observe(topic: string, payload: string | Uint8Array, sender: number | null = 1): void {
    const { time } = this.clock
    this.audit.observe({ sender, topic, payload: Buffer.from(payload as string), qos: 1, retain: false, time })
  }

  /** Turns until all is written; while the store fails, until it was asked once more. */
  async settle(): Promise<void> {
    const asked = this.#asked
    for (let still = 0; still < 3; ) {
      this.turn()
      await setTimeout(2)
      still = (this.fails ? this.#asked > asked : this.audit.waiting === 0) ? still + 1 : 0
    }
  }

  /** Details of the records of an action; of what was skipped with its channel. */
  of(action: string): Record<string, unknown>[] {
    return this.records
      .filter(({ event }) => event.action === action)
      .map(({ event }) => ({
        ...event.detail,
        ...(action === 'message.skip' || event.detail?.more ? { channel: event.channel } : {}),
      }))
  }
}
