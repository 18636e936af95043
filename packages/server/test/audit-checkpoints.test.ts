import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openCheckpoint, parseVerifierKey, splitNotes } from '@sealmq/audit-log'
import { type AuditCheckpoint, type DeploymentInfo, routes } from '@sealmq/protocol/api'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { appendNote } from '../src/audit/checkpoint-file.ts'
import { CheckpointPlace } from '../src/audit/checkpoint-place.ts'
import { type ServeOptions, startAuthority } from '../src/index.ts'
import { createLogger } from '../src/logger.ts'
import { ManualTimers } from './audit-records.ts'
import { connectMqtt, subscribe } from './mqtt-connection.ts'
import { at, TestAuthority, testOptions } from './test-authority.ts'
import { inbox } from './test-broker.ts'
import { minute, TestClock } from './test-clock.ts'

const logger = createLogger('silent')
const checkpoint = (size: number): AuditCheckpoint => ({ note: `note ${size}`, size, time: 0, key: '' })
const newFile = () => join(mkdtempSync(join(tmpdir(), 'sealmq-notes-')), 'notes')

describe('checkpoints', () => {
  const undo: (() => unknown)[] = []
  afterEach(async () => {
    for (const step of undo.splice(0).reverse()) await step()
  })
  const timers = new ManualTimers()
  const start = async (options: Partial<ServeOptions> = {}) => {
    const authority = await TestAuthority.withAdministrator({ schedule: timers.schedule, ...options })
    undo.push(() => authority.close())
    return authority
  }
  const rotate = (authority: TestAuthority) => authority.askAdmin('POST', at(routes.rotate, 'sensor'))
  /** The sizes that the notes of a file are of, each verified. */
  const sizesIn = async (authority: TestAuthority, file: string) => {
    const { auditKey } = (await authority.ask<DeploymentInfo>('GET', routes.deployment)).body
    const key = await parseVerifierKey(auditKey)
    const notes = splitNotes(await readFile(file, 'utf8'))
    return Promise.all(notes.map(async (note) => (await openCheckpoint(note, key)).size))
  }
  /** A place to post to. */
  const listen = async (answer: RequestListener) => {
    const server = createServer(answer)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    undo.push(() => server.close())
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}/notes`
  }

  it('are made each minute in which something was appended, on demand and at the stop, and written to the file', async () => {
    const file = newFile()
    const authority = await start({ checkpoints: { file } })
    const store = await authority.database()
    const size = async () => (await store.selectFrom('audit_log').select('size').executeTakeFirstOrThrow()).size
    const written: number[] = []
    const settled = () => vi.waitFor(async () => expect(await sizesIn(authority, file)).toEqual(written), 10_000)
    // What the deployment is made of has one already.
    written.push(...(await sizesIn(authority, file)))
    for (let index = 0; index < 2; index++) {
      await rotate(authority)
      written.push(await size())
      timers.elapse(minute)
      await settled()
      // Nothing was appended.
      await vi.waitFor(() => expect(timers.delays.filter((delay) => delay === minute)).toHaveLength(2), 10_000)
      timers.elapse(minute)
      await vi.waitFor(() => expect(timers.delays.filter((delay) => delay === minute)).toHaveLength(2), 10_000)
      await settled()
    }
    await rotate(authority)
    const { body } = await authority.askAdmin<AuditCheckpoint>('POST', routes.auditCheckpoint)
    written.push(body.size)
    await settled()
    expect((await stat(file)).mode & 0o777).toBe(0o644)
    const before = await readFile(file)
    await authority.restart()
    const after = await readFile(file)
    expect(after.subarray(0, before.length)).toEqual(before)
    expect(await sizesIn(authority, file)).toEqual([...written, body.size + 1])
  })

  it('are posted, and the newest again until it is taken', async () => {
    const posted: { type: string | undefined; text: string }[] = []
    let refuse = true
    const webhook = await listen(async (request, response) => {
      const text = (await request.toArray()).join('')
      if (!refuse) posted.push({ type: request.headers['content-type'], text })
      response.writeHead(refuse ? 503 : 204).end()
    })
    const authority = await start({ checkpoints: { webhook } })
    const ask = () => authority.askAdmin<AuditCheckpoint>('POST', routes.auditCheckpoint)
    // That of the start.
    await vi.waitFor(() => expect(timers.delays).toContain(5_000), 10_000)
    await rotate(authority)
    const { note } = (await ask()).body
    await vi.waitFor(() => expect(timers.delays).toContain(10_000), 10_000)
    const metrics = await (await fetch(`${authority.running.httpUrl}/metrics`)).text()
    expect(metrics).toContain('sealmq_audit_publish_failures_total{place="webhook"} 2')
    refuse = false
    timers.elapse(10_000)
    await vi.waitFor(() => expect(posted).toHaveLength(1), 10_000)
    expect(posted).toEqual([{ type: 'text/plain; charset=utf-8', text: note }])
  })

  it('do not follow a redirection, which may lead out of TLS', async () => {
    const elsewhere = vi.fn((_request, response) => response.end())
    const target = await listen(elsewhere)
    const webhook = await listen((_request, response) => response.writeHead(307, { location: target }).end())
    const authority = await start({ checkpoints: { webhook } })
    await vi.waitFor(() => expect(timers.delays).toContain(5_000), 10_000)
    await authority.askAdmin('POST', routes.auditCheckpoint)
    await vi.waitFor(() => expect(timers.delays).toContain(10_000), 10_000)
    expect(elsewhere).not.toHaveBeenCalled()
  })

  it('are retained on the topic, which every sender may read by its name and none may write', async () => {
    const topic = 'plant/checkpoints'
    const authority = await start({ checkpoints: { topic } })
    const { token } = await authority.createMember('bea')
    const sender = await authority.addSender(token)
    const { body } = await authority.askAdmin<AuditCheckpoint>('POST', routes.auditCheckpoint)
    const client = await connectMqtt(authority, sender, { clientId: 'reader' })
    client.on('error', () => {})
    const next = inbox(client)
    const filters = ['plant/#', 'plant/+', '#', '+/checkpoints', `${topic}/#`, `$share/g/${topic}`, 'plant/other']
    expect(await subscribe(client, ...filters)).toEqual(filters.map(() => 128))
    expect(await subscribe(client, topic)).toEqual([1])
    expect(await next()).toBe(body.note)
    await rotate(authority)
    timers.elapse(minute)
    const { note, size } = await latest(authority, body.size)
    expect(await next()).toBe(note)
    // The embedded broker ends the connection of whoever publishes what it may not.
    const writer = await connectMqtt(authority, sender, { clientId: 'writer' })
    writer.on('error', () => {})
    const closed = new Promise<void>((resolve) => writer.once('close', () => resolve()))
    writer.publish(topic, 'forged', { qos: 1, retain: true })
    await closed
    const overlapping = await authority.askAdmin('POST', routes.channels, { name: 'x', filters: ['plant/+'] })
    expect(overlapping).toMatchObject({ status: 409, body: { code: 'channel-overlap' } })
    expect((await authority.askAdmin('POST', routes.channels, { name: 'y', filters: ['plant/other'] })).status).toBe(
      201,
    )
    await client.endAsync(true)
    // The checkpoint of the stop is there after the next start.
    await authority.restart()
    const again = await connectMqtt(authority, sender, { clientId: 'reader' })
    const nextAgain = inbox(again)
    await subscribe(again, topic)
    const given = await nextAgain()
    expect(given).toBe((await authority.askAdmin<AuditCheckpoint>('GET', routes.auditCheckpoint)).body.note)
    expect(Number(given.split('\n')[1])).toBeGreaterThan(size)
    await again.endAsync(true)
    // Without the setting nobody may read it, and nothing is left for a channel that takes the topic.
    Object.assign(authority.options, { checkpoints: {} })
    await authority.restart()
    const last = await connectMqtt(authority, sender, { clientId: 'reader' })
    expect(await subscribe(last, topic)).toEqual([128])
    await last.endAsync(true)
    await authority.askAdmin('POST', routes.stepUp, { password: 'correct horse battery staple' })
    await authority.askAdmin('POST', routes.channels, { name: 'z', filters: [topic] })
    const grants = [{ channel: 'z', right: 'subscribe' }]
    await authority.askAdmin('POST', routes.roles, { name: 'reads-z', grants })
    const reader = await authority.createMember('cid', 'reads-z')
    const client2 = await connectMqtt(authority, await authority.addSender(reader.token), { clientId: 'z' })
    const heard: string[] = []
    client2.on('message', (name) => heard.push(name))
    expect(await subscribe(client2, topic)).toEqual([1])
    expect(await subscribe(client2, topic)).toEqual([1])
    expect(heard).toEqual([])
    await client2.endAsync(true)
  })

  const latest = (authority: TestAuthority, than: number) =>
    vi.waitFor(async () => {
      const { body } = await authority.askAdmin<AuditCheckpoint>('GET', routes.auditCheckpoint)
      expect(body.size).toBeGreaterThan(than)
      return body
    }, 10_000)

  it('tell the metrics how old they are and how many records there are', async () => {
    const clock = new TestClock()
    const authority = await start({ now: clock.now })
    const { body } = await authority.askAdmin<AuditCheckpoint>('POST', routes.auditCheckpoint)
    clock.move(7 * minute)
    const metrics = await (await fetch(`${authority.running.httpUrl}/metrics`)).text()
    expect(metrics).toContain('sealmq_audit_checkpoint_age_seconds 420')
    expect(metrics).toContain(`sealmq_audit_records ${body.size}`)
    expect(metrics).toContain('sealmq_audit_append_failures_total 0')
    expect(metrics).toContain(`sealmq_disk_free_bytes ${2 ** 40}`)
  })

  it.each<[string, NonNullable<ServeOptions['checkpoints']>, string]>([
    ['a webhook that is none', { webhook: 'ftp://keeper.example/x' }, '--checkpoint-webhook'],
    ['a webhook without TLS', { webhook: 'http://keeper.example/x' }, '--allow-plain'],
    ['a webhook with a user', { webhook: 'https://ada:hunter2@keeper.example/x' }, '--checkpoint-webhook'],
    ['a topic with a wildcard', { topic: 'plant/#' }, '--checkpoint-topic'],
    ['a topic of the broker', { topic: '$SYS/x' }, '--checkpoint-topic'],
    ['a topic of a channel', { topic: 'iot/sensor' }, 'the channel sensor'],
    ['a file in no folder', { file: '/nowhere/at/all' }, '--checkpoint-file'],
    ['a file that is a folder', { file: tmpdir() }, '--checkpoint-file'],
  ])('are refused %s at the start', async (_, checkpoints, text) => {
    const message = expect.stringContaining(text)
    const refused = startAuthority(testOptions({ checkpoints }))
    await expect(refused).rejects.toMatchObject({ code: 'bad-setting', message })
    await expect(refused).rejects.not.toMatchObject({ message: expect.stringContaining('hunter2') })
  })
})

describe('a place of checkpoints', () => {
  it('keeps only the newest that waits, and tries less and less often', async () => {
    const timers = new ManualTimers()
    const tried: string[] = []
    let fails = true
    let failures = 0
    const place = new CheckpointPlace({
      name: 'webhook',
      deliver: async (note) => {
        tried.push(note)
        if (fails) throw new Error('away')
      },
      failed: () => {
        failures += 1
      },
      schedule: timers.schedule,
      logger,
    })
    place.publish(checkpoint(1))
    for (const delay of [5_000, 10_000, 20_000, 40_000]) {
      await vi.waitFor(() => expect(timers.delays).toEqual([delay]))
      timers.elapse(delay)
    }
    await vi.waitFor(() => expect(timers.delays).toEqual([80_000]))
    expect([tried, failures]).toEqual([Array(5).fill('note 1'), 5])
    tried.length = 0
    fails = false
    place.publish(checkpoint(3))
    place.publish(checkpoint(2))
    await vi.waitFor(() => expect(tried).toEqual(['note 3']))
    await place.stop()
    place.publish(checkpoint(4))
    expect([tried, timers.delays]).toEqual([['note 3'], []])
  })

  it('says why in words where the time ran out', async () => {
    const timers = new ManualTimers()
    const warn = vi.fn()
    const deliver = async () => {
      throw new DOMException('The operation was aborted due to timeout', 'TimeoutError')
    }
    const place = new CheckpointPlace({
      name: 'webhook',
      deliver,
      failed: () => {},
      schedule: timers.schedule,
      logger: Object.assign(Object.create(logger), { warn }),
    })
    place.publish(checkpoint(1))
    await vi.waitFor(() => expect(warn).toHaveBeenCalled())
    expect(warn.mock.calls[0]![0].reason).toBe('The operation was aborted due to timeout')
    await place.stop()
  })

  it('does not let an answer that never comes hold up the stop', async () => {
    const timers = new ManualTimers()
    const deliver = () => new Promise<void>(() => {})
    const place = new CheckpointPlace({ name: 'webhook', deliver, failed: () => {}, schedule: timers.schedule, logger })
    place.publish(checkpoint(1))
    const stopped = place.stop()
    timers.elapse(5_000)
    await stopped
  })
})

describe('a file of notes', () => {
  const whole = (text: string) => `${text}\n\n— log sig\n`

  it.each([
    'log\n1',
    'log\n1\n',
    'log\n1\nroot\n',
    'log\n1\nroot\n\n',
    'log\n1\nroot\n\n— lo',
    'log\n1\nroot\n\n— log sig\n',
  ])('keeps the next one apart from a torn %j', async (torn) => {
    const file = newFile()
    await appendNote(file, whole('first'))
    await writeFile(file, `\n${torn}`, { flag: 'a' })
    await appendNote(file, whole('second'))
    await appendNote(file, whole('third'))
    const text = await readFile(file, 'utf8')
    expect(text.startsWith(`${whole('first')}\n${torn}`)).toBe(true)
    const notes = splitNotes(text)
    expect(notes).toHaveLength(4)
    expect([notes[0], ...notes.slice(2)]).toEqual([whole('first'), whole('second'), whole('third')])
  })

  it('tells that one is torn wherever its signature was cut', async () => {
    const signature = Buffer.alloc(68, 7).toString('base64')
    const note = `log\n1\nroot\n\n— log ${signature}\n`
    for (const cut of [1, 2, 30, 60]) {
      const file = newFile()
      await appendNote(file, note)
      await writeFile(file, `\n${note.slice(0, -cut)}`, { flag: 'a' })
      await appendNote(file, note)
      const isWhole = cut === 1
      const notes = splitNotes(await readFile(file, 'utf8'))
      expect(notes.filter((text) => text === note)).toHaveLength(isWhole ? 3 : 2)
      expect(notes[1]!.endsWith('\n— torn\n')).toBe(!isWhole)
    }
  })

  it('is not made readable for others again when its owner decided otherwise', async () => {
    const file = newFile()
    await appendNote(file, whole('first'))
    await chmod(file, 0o600)
    await appendNote(file, whole('second'))
    expect((await stat(file)).mode & 0o777).toBe(0o600)
  })
})
