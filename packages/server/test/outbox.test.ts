import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Outbox } from '../src/administration/outbox.ts'
import { RightsSnapshot } from '../src/administration/rights.ts'
import { newSecret } from '../src/identity/secrets.ts'
import { createLogger } from '../src/logger.ts'
import { openStore } from '../src/store/open-store.ts'
import type { Database } from '../src/store/schema.ts'
import { addSender } from './add-sender.ts'
import { testOptions } from './test-authority.ts'

describe('what follows a change', () => {
  const logger = createLogger('silent')
  const credential = newSecret()
  let store: Database
  let fails = 0
  let told: string[]
  let broker: ConstructorParameters<typeof Outbox>[0]['broker']

  beforeEach(async () => {
    const opened = await openStore(join(testOptions().dataDir, 'sealmq.db'))
    store = opened.withPlugin({
      transformQuery: ({ node }) => {
        if (fails-- > 0) throw new Error('the store is away')
        return node
      },
      transformResult: async ({ result }) => result,
    })
    fails = 0
    await addSender(store, credential)
    told = []
    broker = {
      removeSender: async (sender) => void told.push(`remove ${sender}`),
      refreshSender: async (sender) => void told.push(`refresh ${sender}`),
      refreshObserver: async () => {},
    }
  })
  afterEach(() => store.destroy())

  const revoke = async () => {
    await store.updateTable('senders').set({ revoked_at: 1 }).execute()
    await store.insertInto('outbox').values({ action: 'remove-sender', sender: 1, created_at: 1 }).execute()
  }

  it('is made up for when the store was away: until then nobody may do anything', async () => {
    const rights = new RightsSnapshot(store, () => 0)
    await rights.reload()
    const known = () => rights.authenticate('sender-1', Buffer.from(credential))
    expect(known()).toEqual({ sender: 1 })
    await revoke()
    const announced = Promise.withResolvers<number>()
    const outbox = new Outbox({ store, rights, broker, announce: announced.resolve, logger })
    fails = 1
    await outbox.run(7)
    expect([known(), rights.rights(1), rights.current, told]).toEqual([null, null, false, []])
    expect(await announced.promise).toBe(7)
    expect([known(), rights.rights(1), rights.current, told]).toEqual([null, null, true, ['remove 1']])
    await outbox.stop()
  })

  it('tells the clients also when the broker does not take it, and the broker again', async () => {
    await revoke()
    const { removeSender } = broker
    const taken = Promise.withResolvers<void>()
    broker.removeSender = async () => {
      broker.removeSender = (sender) => removeSender(sender).then(taken.resolve)
      throw new Error('the broker is away')
    }
    const announced: number[] = []
    const rights = new RightsSnapshot(store, () => 0)
    const outbox = new Outbox({ store, rights, broker, announce: (revision) => announced.push(revision), logger })
    await outbox.run(3)
    expect([announced, told]).toEqual([[3], []])
    await taken.promise
    await outbox.stop()
    expect([announced, told]).toEqual([[3], ['remove 1']])
  })

  it('tells the clients of each change also while the broker does not answer', async () => {
    await revoke()
    const frozen = Promise.withResolvers<void>()
    broker.removeSender = () => frozen.promise
    const heard: PromiseWithResolvers<number>[] = [Promise.withResolvers(), Promise.withResolvers()]
    const rights = new RightsSnapshot(store, () => 0)
    const announce = (revision: number) => heard[revision - 3]?.resolve(revision)
    const outbox = new Outbox({ store, rights, broker, announce, logger })
    const running = outbox.run(3)
    expect(await heard[0]!.promise).toBe(3)
    void outbox.run(4)
    expect(await heard[1]!.promise).toBe(4)
    frozen.resolve()
    await running
    await outbox.stop()
  })

  it('tells the broker of many senders together, of each what was said last, and of its removal for ever', async () => {
    const rows = Array.from({ length: 450 }, (_, index) => ({
      action: index % 3 === 0 ? ('remove-sender' as const) : ('refresh-sender' as const),
      sender: 1 + (index % 100),
      created_at: 1,
    }))
    await store.insertInto('outbox').values(rows).execute()
    let together = 0
    let most = 0
    const take = (name: string) => async (sender: number) => {
      told.push(`${name} ${sender}`)
      most = Math.max(most, ++together)
      await null
      together--
    }
    broker = { removeSender: take('remove'), refreshSender: take('refresh'), refreshObserver: async () => {} }
    const rights = { reload: async () => {}, invalidate: () => {} }
    const outbox = new Outbox({ store, rights, broker, announce: () => {}, logger })
    await outbox.run(1)
    expect(most).toBe(100)
    expect(told).toHaveLength(100 + 100 + 50)
    expect(told.slice(0, 4)).toEqual(['remove 1', 'refresh 2', 'remove 3', 'remove 4'])
    expect(await store.selectFrom('outbox').selectAll().execute()).toEqual([])
  })

  it('is done for a change that comes at any moment of a run', async () => {
    const rights = { reload: async () => {}, invalidate: () => {} }
    for (let moment = 0; moment < 200; moment++) {
      const announced: number[] = []
      const outbox = new Outbox({ store, rights, broker, announce: (revision) => announced.push(revision), logger })
      const first = outbox.run(1)
      for (let turn = 0; turn < moment; turn++) await null
      await Promise.all([first, outbox.run(2)])
      expect(announced.at(-1), `after ${moment} turns`).toBe(2)
    }
  })
})
