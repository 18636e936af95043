import type { SealedClient } from '@sealmq/client'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventOf, Plant } from './plant.ts'

describe('a client whose storage fails', () => {
  let plant: Plant
  let client: SealedClient
  let fails: boolean
  /** Waits until something was to be saved, and tells whether it was. */
  let nextSave: () => Promise<boolean>
  const errors: Error[] = []
  beforeEach(async () => {
    plant = await Plant.start()
    fails = false
    errors.length = 0
    let told: (saved: boolean) => void = () => {}
    nextSave = () =>
      new Promise((resolve) => {
        told = resolve
      })
    const storage = {
      load: async () => null,
      save: async () => {
        told(!fails)
        if (fails) throw new Error('No space left.')
      },
    }
    client = await plant.connect(await plant.enrol('reader'), { storage, on: { error: (error) => errors.push(error) } })
    await client.subscribeAsync('iot/sensor', { qos: 1 })
  })
  afterEach(() => plant.stop())

  async function receive(): Promise<void> {
    const received = eventOf(client, 'message')
    await client.publishAsync('iot/sensor', 'x', { qos: 1 })
    await received
  }

  it('tells of it once, tries again and goes on', async () => {
    fails = true
    let attempt = nextSave()
    await receive()
    expect(await attempt).toBe(false)
    attempt = nextSave()
    await receive()
    expect(await attempt).toBe(false)
    fails = false
    expect(await nextSave()).toBe(true)
    expect(errors).toMatchObject([{ message: 'No space left.' }])
    fails = true
    const again = eventOf(client, 'error')
    await receive()
    expect(await again).toMatchObject([{ message: 'No space left.' }])
    fails = false
    await client.endAsync()
  })

  it('ends all the same, and reports that it was not saved', async () => {
    fails = true
    const ended = eventOf(client, 'end')
    await expect(client.endAsync()).rejects.toThrow('No space left.')
    await ended
    expect(client.connected).toBe(false)
  })

  it('is told why it could not begin, not that it could not be saved', async () => {
    const storage = { load: async () => null, save: () => Promise.reject(new Error('No space left.')) }
    const wrong = { ...(await plant.enrol('stranded')), authority: 'http://127.0.0.1:1' }
    await expect(plant.connect(wrong, { storage })).rejects.toMatchObject({ code: 'authority-unreachable' })
  })
})
