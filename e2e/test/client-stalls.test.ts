import type { SealedClient } from '@sealmq/client'
import type { MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Mosquitto } from './mosquitto.ts'
import { eventOf, Inbox, nextPayload, Plant } from './plant.ts'
import { SlowAuthority } from './slow-authority.ts'

const topic = 'iot/sensor'
/** Where the sender's number stands in an envelope of the suite A256GCM. */
const senderOffset = 14

describe('a client whose authority takes requests and never answers', () => {
  let plant: Plant
  let mosquitto: Mosquitto
  let slow: SlowAuthority
  let attacker: MqttClient
  let writer: SealedClient
  let reader: SealedClient
  let inbox: Inbox
  let slept: number
  beforeEach(async () => {
    mosquitto = await Mosquitto.start()
    plant = await Plant.start()
    slow = await SlowAuthority.before(() => plant.url)
    slept = 0
    const options = { brokerUrl: mosquitto.url }
    attacker = await plant.connectPlain(mosquitto.url)
    writer = await plant.connect(await plant.enrol('pump', 'sensor'), options)
    const identity = { ...(await plant.enrol('reader')), authority: slow.url }
    reader = await plant.connect(identity, { ...options, wallClock: () => Date.now() + slept })
    inbox = new Inbox(reader)
    await reader.subscribeAsync(topic, { qos: 1 })
  })
  afterEach(async () => {
    slow.stop()
    await plant.stop()
    await mosquitto.kill()
  })

  /** An envelope of a sender that the directory does not list. */
  async function ofUnknownSender(): Promise<(sender: number) => Buffer> {
    await attacker.subscribeAsync(topic)
    const carried = nextPayload(attacker)
    await writer.publishAsync(topic, 'genuine', { qos: 1 })
    const envelope = await carried
    await attacker.unsubscribeAsync(topic)
    await inbox.next()
    return (sender) => {
      const forged = Buffer.from(envelope)
      forged.writeUInt32BE(sender, senderOffset)
      return forged
    }
  }

  it('receives honest messages among those of unknown senders without waiting for each', async () => {
    const forged = await ofUnknownSender()
    slow.silent = true
    const before = slow.asked
    for (let index = 0; index < 20; index++) {
      await attacker.publishAsync(topic, forged(1000 + index), { qos: 1 })
      await writer.publishAsync(topic, `honest ${index}`, { qos: 1 })
    }
    await inbox.until(() => inbox.opened.length === 20)
    // All of it came while the first reading was still waited for.
    expect({ asked: slow.asked - before, waiting: slow.waiting.size }).toEqual({ asked: 1, waiting: 1 })
    expect(inbox.opened.map(({ text }) => text)).toEqual(Array.from({ length: 20 }, (_, index) => `honest ${index}`))
    expect(inbox.rejected.map(({ code }) => code)).toEqual(Array(20).fill('unknown-sender'))
  })

  it('does not wait for it at all once it is known to be away', async () => {
    const forged = await ofUnknownSender()
    const away = eventOf(reader, 'authority')
    slow.silent = true
    await attacker.publishAsync(topic, forged(1000), { qos: 1 })
    await inbox.nextRejected()
    for (const response of slow.waiting) response.destroy()
    expect(await away).toEqual(['away'])
    const before = slow.asked
    await attacker.publishAsync(topic, forged(1001), { qos: 1 })
    expect(await inbox.nextRejected()).toMatchObject({ code: 'unknown-sender' })
    // Whatever was asked for is still waited for, but not by the message.
    expect(slow.waiting.size).toBe(slow.asked - before)
  })

  it('takes a sender in that is new, although the change feed has not told of it yet', async () => {
    const opened = eventOf(reader, 'message')
    const fresh = await plant.connect(await plant.enrol('fresh', 'sensor'), { brokerUrl: mosquitto.url })
    await fresh.publishAsync(topic, 'new here', { qos: 1 })
    expect((await opened)[0]).toBe(topic)
    expect(inbox.rejected).toEqual([])
  })

  it('after a sleep reads the time anew before it opens or seals', async () => {
    const before = slow.asked
    slept = 8 * 3_600_000
    await writer.publishAsync(topic, 'in the morning', { qos: 1 })
    expect((await inbox.next()).text).toBe('in the morning')
    expect(slow.asked).toBeGreaterThan(before)
    slept += 8 * 3_600_000
    const asked = slow.asked
    await reader.publishAsync(topic, 'awake', { qos: 1 })
    expect((await inbox.next()).text).toBe('awake')
    expect(slow.asked).toBeGreaterThan(asked)
    expect(inbox.rejected).toEqual([])
  })

  it('after a sleep opens and seals nothing while the time is unknown, and goes on by itself afterwards', async () => {
    slow.silent = true
    slept = 8 * 3_600_000
    await writer.publishAsync(topic, 'perhaps of yesterday', { qos: 1 })
    expect(await inbox.nextRejected()).toMatchObject({ code: 'clock-unknown', topic })
    expect(inbox.opened).toEqual([])
    const publishing = reader.publishAsync(topic, 'what time is it?', { qos: 1 })
    for (const response of slow.waiting) response.destroy()
    await expect(publishing).rejects.toMatchObject({ code: 'clock-unknown' })
    slow.silent = false
    expect(await reader.publishAsync(topic, 'awake', { qos: 1 })).toMatchObject({ sequence: 0 })
    expect((await inbox.next()).text).toBe('awake')
  })
})
