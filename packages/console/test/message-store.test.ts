import { describe, expect, it } from 'vitest'
import { type Kept, MessageStore } from '../src/worker/message-store.ts'
import type { Row, View } from '../src/worker/protocol.ts'

const encoder = new TextEncoder()
const all = { topic: null, search: '', until: null, offset: 0, count: 1000 }

function message(topic: string, text: string, more: Partial<Row> = {}): Omit<Kept, 'row'> & { row: Omit<Row, 'id'> } {
  const payload = encoder.encode(text)
  return {
    row: {
      topic,
      trust: 'sender',
      receivedAt: 0,
      sealedAt: 0,
      age: 0,
      sender: 'Pump',
      late: false,
      retained: false,
      repeat: false,
      will: false,
      epoch: 1,
      code: null,
      preview: text.slice(0, 20),
      wire: '',
      length: payload.length,
      cut: text.length > 20,
      ...more,
    },
    payload,
    envelope: payload,
    contentType: null,
    channel: 'c',
    session: 's',
    sequence: 1,
    firstAt: 0,
  }
}

const shown = (store: MessageStore, view: Partial<View> = {}) =>
  store.window({ ...all, ...view }).rows.map(({ preview }) => preview)

describe('the messages of a tab', () => {
  it('are shown newest first, in windows', () => {
    const store = new MessageStore()
    for (let index = 0; index < 100; index++) store.add(message('a', String(index)))
    expect(shown(store, { offset: 10, count: 3 })).toEqual(['89', '88', '87'])
    expect(store.window({ ...all, offset: 99, count: 10 })).toMatchObject({ offset: 99, fitting: 100, newer: 0 })
    expect(shown(store, { offset: 1_000, count: 2 })).toEqual(['0'])
  })

  it('stand still until a message, and tell how many came after it', () => {
    const store = new MessageStore()
    const { id } = store.add(message('a', 'one'))
    store.add(message('a', 'two'))
    expect(store.window({ ...all, until: id })).toMatchObject({ fitting: 1, newer: 1 })
    expect(shown(store, { until: id })).toEqual(['one'])
  })

  it('fit a part of the tree by whole levels', () => {
    const store = new MessageStore()
    for (const topic of ['iot', 'iot/a', 'iot/ab', 'iot/a/b']) store.add(message(topic, topic))
    expect(shown(store, { topic: 'iot/a' })).toEqual(['iot/a/b', 'iot/a'])
    store.add(message('iot/a', 'later'))
    expect(shown(store, { topic: 'iot/a' })).toEqual(['later', 'iot/a/b', 'iot/a'])
  })

  it('are found by their text, also where the line shows only its beginning', () => {
    const store = new MessageStore()
    store.add(message('a', `${'x'.repeat(40)}Needle`))
    store.add(message('a', 'hay'))
    expect(shown(store, { search: ' needle ' })).toHaveLength(1)
    expect(shown(store, { search: 'pump' })).toHaveLength(2)
  })

  it('are let go oldest first beyond the bound of a topic, and counted', () => {
    const store = new MessageStore({ perTopic: 1000 })
    store.add(message('quiet', 'stays'))
    for (let index = 0; index < 25_000; index++) store.add(message('loud', String(index)))
    expect(store.kept).toBe(1001)
    expect(store.letGo).toBe(24_000)
    const rows = shown(store, { count: 2000 })
    expect(rows).toHaveLength(1001)
    expect([rows[0], rows[999], rows[1000]]).toEqual(['24999', '24000', 'stays'])
    const loud = store.changes().topics.find(({ topic }) => topic === 'loud')
    expect(loud).toMatchObject({ messages: 25_000, letGo: 24_000 })
    expect(store.ofTopic('loud')).toHaveLength(1000)
  })

  it('are let go beyond the bytes of all, whichever topic they are of', () => {
    const store = new MessageStore({ bytes: 100_000 })
    for (let index = 0; index < 500; index++) store.add(message(`t/${index % 7}`, 'y'.repeat(1000)))
    expect(store.bytes).toBeLessThanOrEqual(100_000)
    expect(store.kept + store.letGo).toBe(500)
    expect(store.window(all).fitting).toBe(store.kept)
  })

  it('forget the quietest topic when there are too many, as a stranger at the broker could make them', () => {
    const store = new MessageStore({ topics: 10 })
    for (let index = 0; index < 30; index++) store.add(message(`t/${index}`, 'x', { trust: 'rejected' }))
    const { topics, gone } = store.changes()
    expect(topics).toHaveLength(10)
    expect(gone).toHaveLength(20)
    expect(store.kept).toBe(10)
  })

  it('tell only the topics that changed', () => {
    const store = new MessageStore()
    store.add(message('a', '1'))
    expect(store.changes().topics).toMatchObject([{ topic: 'a', messages: 1, last: { preview: '1' } }])
    expect(store.changes().topics).toEqual([])
    store.add(message('b', '2', { trust: 'rejected' }))
    expect(store.changes().topics).toMatchObject([{ topic: 'b', rejected: 1 }])
  })

  it('keep, with any order of topics and views, what a plain list would keep', () => {
    // A generator with a seed, so that a failure can be seen again.
    let state = 42
    const random = (below: number) => {
      state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
      return Math.floor((state / 2_147_483_648) * below)
    }
    for (let round = 0; round < 30; round++) {
      const perTopic = 1 + random(40)
      const store = new MessageStore({ perTopic })
      let plain: { topic: string; text: string }[] = []
      for (let index = 0; index < 300; index++) {
        const topic = `t/${random(4)}`
        const text = String(index)
        store.add(message(topic, text))
        plain.push({ topic, text })
        if (plain.filter((one) => one.topic === topic).length > perTopic) {
          const oldest = plain.findIndex((one) => one.topic === topic)
          plain = plain.toSpliced(oldest, 1)
        }
        if (random(20) !== 0) continue
        const wanted = random(2) === 0 ? null : `t/${random(4)}`
        const expected = plain.filter((one) => wanted === null || one.topic === wanted).map((one) => one.text)
        const rows = shown(store, { topic: wanted })
        expect(rows).toEqual(expected.toReversed())
      }
    }
  })
})
