import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, it } from 'vitest'
import type { QueueConfig } from '../src/config/gateway-config.ts'
import { DurableQueue, QueueFull } from '../src/queue/durable-queue.ts'
import { decodeKept, encodeKept } from '../src/queue/kept-message.ts'

const clocks = { wall: () => 1_800_000_000_000, monotonic: () => 1_000 }
const message = (text: string, topic = 'plant/a') => ({
  topic,
  payload: Buffer.from(text),
  retain: false,
  timeToLive: null,
  contentType: null,
})
const folders: string[] = []
const open: DurableQueue[] = []

function configuration(more: Partial<QueueConfig> = {}): QueueConfig {
  const folder = mkdtempSync(join(tmpdir(), 'sealmq-queue-'))
  folders.push(folder)
  return { folder, maximumMessages: 100_000, maximumBytes: 2 ** 30, whenFull: 'drop-oldest', ...more }
}

async function openQueue(config: QueueConfig, at = clocks): Promise<DurableQueue> {
  const queue = await DurableQueue.open(config, at)
  open.push(queue)
  return queue
}

/** Takes all that is there. */
async function drain(queue: DurableQueue) {
  const texts: string[] = []
  for (let next = await queue.take(); next; next = await queue.take()) texts.push(Buffer.from(next.payload).toString())
  return texts
}

describe('the queue on disk', () => {
  afterEach(async () => {
    for (const queue of open.splice(0)) await queue.close().catch(() => {})
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
  })

  it('gives messages in the order in which they came, also those that did not fit into memory, and after a restart', async () => {
    const config = configuration()
    const queue = await openQueue(config)
    const texts = Array.from({ length: 3_000 }, (_, index) => `${index}`)
    await Promise.all(texts.map((text) => queue.put(message(text))))
    expect(await drain(queue)).toEqual(texts)
    expect(queue.length).toBe(3_000)
    queue.rewind()
    expect(await drain(queue)).toEqual(texts)
    await queue.close()
    const again = await openQueue(config)
    expect(again.length).toBe(3_000)
    expect(await drain(again)).toEqual(texts)
    await again.put(message('behind'))
    expect(await drain(again)).toEqual(['behind'])
  })

  it('forgets what was removed, in memory, on disk and in its counts', async () => {
    const config = configuration()
    const queue = await openQueue(config)
    for (const text of ['a', 'b', 'c']) await queue.put(message(text))
    const first = (await queue.take())!
    queue.remove(first.number)
    queue.remove(first.number)
    await queue.put(message('d'))
    await queue.close()
    const again = await openQueue(config)
    expect([again.length, await drain(again)]).toEqual([3, ['b', 'c', 'd']])
    expect(again.bytes).toBeGreaterThan(0)
  })

  it('gives no origin twice, also when it was empty at a restart, and the same one to the same message', async () => {
    const config = configuration()
    const origins = new Set<string>()
    for (let start = 0; start < 3; start++) {
      const queue = await openQueue(config)
      for (let index = 0; index < 5; index++) {
        await queue.put(message('x'))
        const taken = (await queue.take())!
        origins.add(Buffer.from(queue.originOf(taken)).toString('hex'))
        queue.rewind()
        expect(Buffer.from(queue.originOf((await queue.take())!)).toString('hex')).toBe([...origins].at(-1))
        queue.remove(taken.number)
      }
      await queue.put(message('flush'))
      queue.remove((await queue.take())!.number)
      await queue.put(message('kept'))
      queue.remove((await queue.take())!.number)
      await queue.close()
    }
    expect(origins.size).toBe(15)
  })

  it.each(['messages', 'bytes'])(
    'drops the oldest when there are too many %s, but none that is on its way',
    async (what) => {
      const size = encodeKept(message('0'), {
        wall: clocks.wall(),
        monotonic: clocks.monotonic(),
        run: '12345678',
      }).length
      const bound = what === 'messages' ? { maximumMessages: 5 } : { maximumBytes: size * 5 }
      const queue = await openQueue(configuration(bound))
      for (const text of ['0', '1', '2', '3', '4']) await queue.put(message(text))
      const onItsWay = (await queue.take())!
      for (const text of ['5', '6']) await queue.put(message(text))
      expect([queue.length, queue.dropped]).toEqual([5, 2])
      queue.rewind()
      expect(await drain(queue)).toEqual(['0', '3', '4', '5', '6'])
      expect(Buffer.from(onItsWay.payload).toString()).toBe('0')
    },
  )

  it('refuses the newest when it is told to, and what is larger than all of it', async () => {
    const queue = await openQueue(configuration({ maximumMessages: 2, whenFull: 'refuse-newest' }))
    const puts = await Promise.allSettled(['0', '1', '2'].map((text) => queue.put(message(text))))
    expect(puts.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'rejected'])
    expect(await drain(queue)).toEqual(['0', '1'])
    const small = await openQueue(configuration({ maximumBytes: 1024 }))
    await expect(small.put(message('x'.repeat(2000)))).rejects.toBeInstanceOf(QueueFull)
    expect([small.length, small.bytes]).toEqual([0, 0])
  })

  it('tells ages by the monotonic clock, and over a restart by the wall clock', async () => {
    const config = configuration()
    const time = { wall: 5_000_000, monotonic: 100 }
    const at = { wall: () => time.wall, monotonic: () => time.monotonic }
    const queue = await openQueue(config, at)
    await queue.put(message('x'))
    time.wall += 3_600_000
    time.monotonic += 2_000
    expect(queue.ageOf((await queue.take())!)).toBe(2_000)
    await queue.close()
    time.monotonic = 7
    const again = await openQueue(config, at)
    const taken = (await again.take())!
    expect(again.ageOf(taken)).toBe(3_600_000)
    time.wall = 4_000_000
    expect(again.ageOf(taken)).toBe(0)
  })

  it('is one process’ alone', async () => {
    const config = configuration()
    await openQueue(config)
    await expect(DurableQueue.open(config, clocks)).rejects.toMatchObject({ code: 'queue-locked' })
  })
})

describe('a kept message', () => {
  it('is read as it was written', () => {
    const any = fc.record({
      topic: fc.string({ minLength: 1, unit: 'binary' }),
      payload: fc.uint8Array({ maxLength: 300 }),
      retain: fc.boolean(),
      timeToLive: fc.option(fc.nat()),
      contentType: fc.option(fc.string()),
    })
    fc.assert(
      fc.property(any, fc.double({ min: 0, max: 1e13, noNaN: true }), (kept, wall) => {
        const read = decodeKept(encodeKept(kept, { wall, monotonic: 5, run: 'r' }))
        expect({ ...read.message, payload: [...read.message.payload] }).toEqual({ ...kept, payload: [...kept.payload] })
        expect(read.arrival).toEqual({ wall, monotonic: 5, run: 'r' })
      }),
    )
  })
})
