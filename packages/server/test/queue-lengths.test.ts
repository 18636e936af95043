import { describe, expect, it } from 'vitest'
import { governPersistence } from '../src/broker/embedded/governed-persistence.ts'
import { QueueLengths } from '../src/broker/embedded/queue-lengths.ts'
import type { AedesPersistence } from '../src/broker/embedded/session-store.ts'
import { TestPolicy } from './test-broker.ts'

const id = 'sender-1/reader'

describe('the lengths of queues', () => {
  it('let a queue fill and empty, and tell once that it is full', () => {
    const told: string[] = []
    const queues = new QueueLengths(2, (full) => told.push(full))
    const enter = () => queues.enter(id)
    expect([enter(), enter(), enter(), enter()]).toEqual([true, true, false, false])
    expect(told).toEqual([id])
    queues.leave(id)
    expect([enter(), enter()]).toEqual([true, false])
    expect(told).toEqual([id, id])
    queues.clear(id)
    expect([enter(), enter(), enter()]).toEqual([true, true, false])
  })

  it('do not count what the store did not take, nor one message twice', async () => {
    let stored = 0
    let full = true
    const store = {
      outgoingEnqueueCombi: async (subscriptions: unknown[]) => {
        if (full) throw new Error('disk full')
        stored += subscriptions.length
      },
    } as unknown as AedesPersistence
    const queues = new QueueLengths(2, () => {})
    const unused = {} as Parameters<typeof governPersistence>[1]
    const governed = governPersistence(store, { ...unused, policy: new TestPolicy(), queues })
    const enqueue = () => governed.outgoingEnqueueCombi([{ clientId: id }, { clientId: id }], {})
    for (let message = 0; message < 5; message++) await expect(enqueue()).rejects.toThrow('disk full')
    full = false
    for (let message = 0; message < 5; message++) await enqueue()
    expect(stored).toBe(2)
  })
})
