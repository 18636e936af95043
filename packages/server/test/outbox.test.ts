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
