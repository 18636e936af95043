import { execFile } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { backOff, claimTime } from '../src/mail/mail-queue.ts'
import type { MailTransport, OutgoingMail } from '../src/mail/transport.ts'
import { PostgresCluster } from './postgres-cluster.ts'
import { code, minute, TestPost } from './test-post.ts'

const run = promisify(execFile)

/** Keeps what it is given; `fail` makes the next deliveries fail. */
class FakeTransport implements MailTransport {
  readonly kind = 'smtp'
  readonly tried: OutgoingMail[] = []
  readonly delivered: OutgoingMail[] = []
  closed = false
  fail: Error | null = null
  /** What a delivery waits for. */
  gate: Promise<void> | null = null
  readonly started = Promise.withResolvers<void>()

  async deliver(mail: OutgoingMail): Promise<{ file: null }> {
    this.tried.push(mail)
    this.started.resolve()
    await this.gate
    if (this.fail) throw this.fail
    this.delivered.push(mail)
    return { file: null }
  }

  close(): void {
    this.closed = true
  }
}

const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ESOCKET', originalCode: 'ECONNREFUSED' })

describe('the mail queue', () => {
  let post: TestPost
  let transport: FakeTransport
  beforeEach(async () => {
    post = await TestPost.open()
    transport = new FakeTransport()
  })
  afterEach(() => post.close())

  it('keeps nothing of a mail readable in the store', async () => {
    const queue = post.queue(transport)
    await queue.enqueue(post.store, post.mail({ subject: 'Subject-in-store' }))
    const bytes = await post.bytes()
    expect(bytes.includes('ada@plant.example')).toBe(true)
    for (const secret of [code, 'Subject-in-store', Buffer.from(code).toString('base64')]) {
      expect(bytes.includes(secret)).toBe(false)
    }
  })

  it('sends nothing of a transaction that was rolled back', async () => {
    const queue = post.queue(transport)
    const undone = post.store.transaction().execute(async (transaction) => {
      await queue.enqueue(transaction, post.mail())
      throw new Error('undone')
    })
    await expect(undone).rejects.toThrow('undone')
    await queue.enqueue(post.store, post.mail({ subject: 'the other' }))
    queue.wake()
    await post.journal.entries('mail handed over')
    expect(transport.delivered.map(({ subject }) => subject)).toEqual(['the other'])
  })

  it('delivers after a restart what was stored before, with the same message id', async () => {
    const before = post.queue(transport)
    await before.enqueue(post.store, post.mail())
    transport.fail = refused
    before.wake()
    expect(await post.time.delay()).toBe(5000)
    await before.stop()
    await post.reopen()
    post.time.now += 5000
    const next = new FakeTransport()
    const after = post.queue(next, { store: post.store })
    after.wake()
    await post.journal.entries('mail handed over')
    expect(next.delivered).toMatchObject([{ to: 'ada@plant.example', from: 'SealMQ <sealmq@plant.example>' }])
    expect(next.delivered[0]?.text).toContain(code)
    expect(next.delivered[0]?.messageId).toMatch(/^<[0-9a-f-]{36}@plant\.example>$/)
    expect(next.delivered[0]?.messageId).toBe(transport.tried[0]?.messageId)
    expect(await after.waiting()).toBe(0)
  })

  it('takes over what a killed process had begun, when its claim has ended', async () => {
    const hanging = new FakeTransport()
    const gate = Promise.withResolvers<void>()
    hanging.gate = gate.promise
    const killed = post.queue(hanging)
    await killed.enqueue(post.store, post.mail())
    killed.wake()
    await hanging.started.promise
    const other = post.queue(transport)
    other.wake()
    expect(await post.time.delay()).toBe(claimTime)
    expect(transport.delivered).toHaveLength(0)
    await post.time.elapse()
    await post.journal.entries('mail handed over')
    expect(transport.delivered).toHaveLength(1)
    gate.resolve()
  })

  it('tries again with growing pauses, and drops what it could not hand over in time', async () => {
    expect([1, 2, 3, 4, 5, 6, 7, 8, 20].map(backOff)).toEqual(
      [5, 10, 20, 40, 80, 160, 320, 600, 600].map((seconds) => seconds * 1000),
    )
    transport.fail = refused
    const queue = post.queue(transport)
    await queue.enqueue(post.store, post.mail({ expiresAt: post.time.now + minute }))
    queue.wake()
    const delays: number[] = []
    for (let tries = 1; tries <= 4; tries++) {
      await post.journal.entries('mail not handed over', tries)
      delays.push(await post.time.delay())
      await post.time.elapse()
    }
    const [dropped] = await post.journal.entries('mail dropped')
    expect(delays).toEqual([5000, 10_000, 20_000, 25_000])
    expect(dropped).toMatchObject({ level: 40, recipient: 'a***@plant.example' })
    expect(await queue.waiting()).toBe(0)
  })

  it('hands over one at a time, oldest first, also what comes meanwhile', async () => {
    const gate = Promise.withResolvers<void>()
    transport.gate = gate.promise
    const queue = post.queue(transport)
    for (const subject of ['1', '2']) await queue.enqueue(post.store, post.mail({ subject }))
    queue.wake()
    await transport.started.promise
    await queue.enqueue(post.store, post.mail({ subject: '3' }))
    queue.wake()
    gate.resolve()
    await post.journal.entries('mail handed over', 3)
    expect(transport.delivered.map(({ subject }) => subject)).toEqual(['1', '2', '3'])
  })

  it('loses no wake that comes while it ends', async () => {
    transport.fail = refused
    const queue = post.queue(transport, {
      schedule: (_work, delay) => {
        transport.fail = null
        post.time.now += delay
        queue.wake()
        return () => {}
      },
    })
    await queue.enqueue(post.store, post.mail())
    queue.wake()
    await post.journal.entries('mail handed over')
    expect(transport.tried).toHaveLength(2)
  })

  it('sends no content to a recipient that it was not written for', async () => {
    const queue = post.queue(transport)
    await queue.enqueue(post.store, post.mail())
    await post.store.updateTable('mails').set({ recipient: 'eve@plant.example' }).execute()
    queue.wake()
    const [dropped] = await post.journal.entries('mail dropped')
    expect(dropped).toMatchObject({ level: 50, recipient: 'e***@plant.example' })
    expect(transport.delivered).toHaveLength(0)
    expect(await queue.waiting()).toBe(0)
  })

  it('logs neither code nor subject nor the whole address', async () => {
    const queue = post.queue(transport)
    await queue.enqueue(post.store, post.mail({ subject: 'Secret subject' }))
    queue.wake()
    const [line] = await post.journal.entries('mail handed over')
    expect(line).toMatchObject({ transport: 'smtp', recipient: 'a***@plant.example' })
    const log = JSON.stringify(post.journal.lines)
    for (const secret of [code, 'Secret', 'ada@plant.example']) expect(log).not.toContain(secret)
  })

  it('takes no recipient that would write headers or be several', async () => {
    const queue = post.queue(transport)
    for (const to of ['a@b.example\r\nBcc: eve@x.example', 'a@b.example, eve@x.example', 'ada', 'A <a@b.example>']) {
      await expect(queue.enqueue(post.store, post.mail({ to }))).rejects.toMatchObject({ code: 'bad-request' })
      await expect(queue.test(to)).rejects.toMatchObject({ code: 'bad-request' })
    }
    expect(await queue.waiting()).toBe(0)
  })

  it('waits on stop for the delivery in progress, but not for ever', async () => {
    const gate = Promise.withResolvers<void>()
    transport.gate = gate.promise
    const queue = post.queue(transport)
    for (const subject of ['1', '2']) await queue.enqueue(post.store, post.mail({ subject }))
    queue.wake()
    await transport.started.promise
    const stopped = queue.stop()
    expect(await post.time.delay()).toBe(5000)
    expect(transport.closed).toBe(false)
    gate.resolve()
    await stopped
    expect(transport.closed).toBe(true)
    expect(transport.delivered).toHaveLength(1)
    expect(await queue.waiting()).toBe(1)

    const hanging = new FakeTransport()
    const never = Promise.withResolvers<void>()
    hanging.gate = never.promise
    const other = post.queue(hanging)
    other.wake()
    await hanging.started.promise
    const late = other.stop()
    await post.time.elapse()
    await late
    expect(hanging.closed).toBe(true)
    never.resolve()
  })

  it('asks again when the store did not answer', async () => {
    const queue = post.queue(transport)
    await queue.enqueue(post.store, post.mail())
    await post.store.schema.alterTable('mails').renameTo('mails_away').execute()
    queue.wake()
    await post.journal.entries('the store did not give')
    await post.time.delay()
    await post.store.schema.alterTable('mails_away').renameTo('mails').execute()
    await post.time.elapse()
    await post.journal.entries('mail handed over')
    expect(transport.delivered).toHaveLength(1)
  })

  it('does not keep the process for a mail that waits', async () => {
    const at = (path: string) => JSON.stringify(new URL(`../src/${path}`, import.meta.url).href)
    const program = `
      const { MailQueue } = await import(${at('mail/mail-queue.ts')})
      const { MasterKey } = await import(${at('keys/master-key.ts')})
      const { openStore } = await import(${at('store/open-store.ts')})
      const store = await openStore(${JSON.stringify(join(mkdtempSync(join(tmpdir(), 'sealmq-mail-')), 'sealmq.db'))})
      const warn = (fields, text) => console.log(text)
      const deliver = async () => { throw new Error('away') }
      const transport = { kind: 'smtp', deliver, close: () => {} }
      const masterKey = new MasterKey(new Uint8Array(32))
      const queue = new MailQueue({ store, masterKey, transport, from: 'a@b.example', now: Date.now, logger: { warn } })
      await queue.enqueue(store, { to: 'a@b.example', subject: '', text: '', expiresAt: Date.now() + 3600000 })
      queue.wake()`
    const child = run(process.execPath, ['--input-type=module', '--eval', program], { timeout: 30_000 })
    expect((await child).stdout.split('\n').filter((line) => line.startsWith('mail not'))).toHaveLength(1)
  })
})

describe.each(['sqlite', 'postgres'] as const)('two authorities on one %s store', (engine) => {
  let cluster: PostgresCluster | null = null
  beforeAll(async () => {
    if (engine === 'postgres') cluster = await PostgresCluster.start()
  })
  afterAll(() => cluster?.stop())

  it('deliver each mail once', async () => {
    const post = await TestPost.open(cluster ? await cluster.createDatabase() : null)
    const transports = [new FakeTransport(), new FakeTransport()]
    const queues = transports.map((transport) => post.queue(transport))
    const subjects = Array.from({ length: 30 }, (_, index) => String(index))
    for (const subject of subjects) await queues[0]!.enqueue(post.store, post.mail({ subject }))
    for (const queue of queues) queue.wake()
    await post.journal.entries('mail handed over', subjects.length)
    const delivered = transports.flatMap((transport) => transport.delivered.map(({ subject }) => subject))
    expect(delivered.sort((a, b) => Number(a) - Number(b))).toEqual(subjects)
    for (const { delivered } of transports) expect(delivered.length).toBeGreaterThan(0)
    expect(await queues[1]!.waiting()).toBe(0)
    await post.close()
  })
})
