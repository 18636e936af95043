import type { SealedClient } from '@sealmq/client'
import { routes } from '@sealmq/protocol/api'
import type { MqttClient } from 'mqtt'
import mqttPacket from 'mqtt-packet'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Mosquitto } from './mosquitto.ts'
import { eventOf, Inbox, nextPayload, Plant } from './plant.ts'

const at = (route: string, id: string | number) => route.replace(':id', encodeURIComponent(id))

describe('a client whose broker is in the hands of an attacker', () => {
  let plant: Plant
  let mosquitto: Mosquitto
  let attacker: MqttClient
  let writer: SealedClient
  let reader: SealedClient
  let inbox: Inbox
  let pump: Awaited<ReturnType<Plant['enrol']>>
  beforeEach(async () => {
    mosquitto = await Mosquitto.start()
    plant = await Plant.start()
    const options = { brokerUrl: mosquitto.url }
    attacker = await plant.connectPlain(mosquitto.url)
    pump = await plant.enrol('pump', 'sensor')
    writer = await plant.connect(pump, options)
    reader = await plant.connect(await plant.enrol('reader'), options)
    inbox = new Inbox(reader)
    await reader.subscribeAsync(['iot/sensor', 'iot/control', 'iot/login'], { qos: 1 })
  })
  afterEach(async () => {
    await plant.stop()
    await mosquitto.kill()
  })

  /** Publishes one message and gives its envelope as the broker carried it. */
  async function captured(topic: string, text: string): Promise<Buffer> {
    await attacker.subscribeAsync(topic)
    const carried = nextPayload(attacker)
    await writer.publishAsync(topic, text, { qos: 1 })
    const envelope = await carried
    await attacker.unsubscribeAsync(topic)
    return envelope
  }
  /** The client still opens what is honest. */
  async function stillWorks() {
    await writer.publishAsync('iot/sensor', 'honest', { qos: 1 })
    expect((await inbox.next()).text).toBe('honest')
    expect(inbox.opened).toEqual([])
  }

  it('refuses an envelope that is played again', async () => {
    const envelope = await captured('iot/sensor', 'once')
    expect((await inbox.next()).text).toBe('once')
    await attacker.publishAsync('iot/sensor', envelope, { qos: 1 })
    expect(await inbox.nextRejected()).toMatchObject({ code: 'replayed', topic: 'iot/sensor' })
    await stillWorks()
  })

  it('refuses an envelope that is moved to another topic', async () => {
    const envelope = await captured('iot/sensor', 'moved')
    await inbox.next()
    for (const topic of ['iot/control', 'iot/login']) {
      await attacker.publishAsync(topic, envelope, { qos: 1 })
      expect(['unknown-key', 'not-authentic']).toContain((await inbox.nextRejected()).code)
    }
    await stillWorks()
  })

  it('refuses an envelope that is altered in any byte, cut off or longer, and delivers nothing of it', async () => {
    const envelope = await captured('iot/sensor', 'altered')
    await inbox.next()
    let expected = 0
    const send = async (bytes: Uint8Array) => {
      await attacker.publishAsync('iot/sensor', Buffer.from(bytes), { qos: 1 })
      expected++
    }
    const rejectedSoFar = () => inbox.rejected.reduce((sum, { suppressed }) => sum + 1 + suppressed, 0)
    for (let index = 0; index < envelope.length; index++) {
      const altered = Uint8Array.from(envelope)
      altered[index]! ^= 1 << (index % 8)
      await send(altered)
    }
    for (const length of [0, 1, 10, envelope.length - 1]) await send(envelope.subarray(0, length))
    await send(Buffer.concat([envelope, Buffer.of(0)]))
    await writer.publishAsync('iot/sensor', 'afterwards', { qos: 1 })
    expect((await inbox.next()).text).toBe('afterwards')
    expect(inbox.opened).toEqual([])
    expect(rejectedSoFar()).toBeGreaterThan(0)
    expect(rejectedSoFar()).toBeLessThanOrEqual(expected)
    for (const { code } of inbox.rejected) {
      expect([
        'malformed',
        'unknown-key',
        'unknown-sender',
        'wrong-suite',
        'not-authentic',
        'replayed',
        'stale',
        'epoch-retired',
      ]).toContain(code)
    }
  })

  it('reports that messages are missing which the broker kept back', async () => {
    const gaps: unknown[] = []
    reader.on('gap', (gap) => gaps.push(gap))
    await writer.publishAsync('iot/sensor', 'first', { qos: 1 })
    await inbox.next()
    await reader.unsubscribeAsync('iot/sensor')
    for (let index = 0; index < 3; index++) await writer.publishAsync('iot/sensor', 'kept back', { qos: 1 })
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    await writer.publishAsync('iot/sensor', 'last', { qos: 1 })
    expect((await inbox.next()).text).toBe('last')
    expect(gaps).toMatchObject([{ topic: 'iot/sensor', senderName: 'pump', count: 3 }])
  })

  it('delivers a message once that comes again with DUP, and refuses a command that is delivered as retained', async () => {
    const envelope = await captured('iot/sensor', 'duplicated')
    await inbox.next()
    const duplicate = mqttPacket.generate({
      cmd: 'publish',
      topic: 'iot/sensor',
      payload: envelope,
      qos: 1,
      dup: true,
      retain: false,
      messageId: 77,
    })
    attacker.stream.write(duplicate)
    await stillWorks()
    const command = await captured('iot/control', 'open valve 7')
    expect((await inbox.next()).text).toBe('open valve 7')
    await attacker.publishAsync('iot/control', command, { qos: 1, retain: true })
    expect(['replayed', 'stale']).toContain((await inbox.nextRejected()).code)
    const late = await plant.connect(await plant.enrol('late'), { brokerUrl: mosquitto.url })
    const lateInbox = new Inbox(late)
    await late.subscribeAsync('iot/control', { qos: 1 })
    expect(await lateInbox.nextRejected()).toMatchObject({ code: 'stale' })
    expect(lateInbox.opened).toEqual([])
  })

  it('accepts nothing of a removed member any more, not even what was sealed before', async () => {
    await attacker.subscribeAsync('iot/sensor')
    await reader.unsubscribeAsync('iot/sensor')
    const carried = nextPayload(attacker)
    await writer.publishAsync('iot/sensor', 'kept for later', { qos: 1 })
    const envelope = await carried
    const learned = eventOf(reader, 'rights')
    await plant.admin.request('DELETE', at(routes.member, pump.member))
    await learned
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    await attacker.publishAsync('iot/sensor', envelope, { qos: 1 })
    expect(await inbox.nextRejected()).toMatchObject({ code: 'revoked', claimed: { sender: pump.sender } })
    expect(inbox.opened).toEqual([])
  })

  it('opens honest messages through a flood of garbage, tells of some and counts the rest', async () => {
    const garbage = Array.from({ length: 3000 }, (_, index) =>
      attacker.publishAsync('iot/sensor', Buffer.alloc(200, index), { qos: 1 }),
    )
    const honest = Array.from({ length: 50 }, (_, index) =>
      writer.publishAsync('iot/sensor', `honest ${index}`, { qos: 1 }),
    )
    await Promise.all([...garbage, ...honest])
    await inbox.until(() => inbox.opened.length === 50)
    expect(inbox.opened.map(({ text }) => text)).toEqual(Array.from({ length: 50 }, (_, index) => `honest ${index}`))
    expect(inbox.rejected.length).toBeGreaterThan(0)
    expect(inbox.rejected.length).toBeLessThan(3000)
    expect(inbox.rejected[0]).toMatchObject({ code: 'malformed', claimed: null })
  })
})
