import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Mosquitto } from './mosquitto.ts'
import { eventOf, Inbox, nextPayload, Plant } from './plant.ts'

describe.each([4, 5] as const)('the client on Mosquitto, MQTT protocol version %i', (protocolVersion) => {
  let plant: Plant
  let mosquitto: Mosquitto
  let options: { brokerUrl: string; protocolVersion: 4 | 5 }
  beforeAll(async () => {
    mosquitto = await Mosquitto.start()
    plant = await Plant.start()
    options = { brokerUrl: mosquitto.url, protocolVersion }
  })
  afterAll(async () => {
    await plant.stop()
    await mosquitto.kill()
  })

  it('carries text and bytes at every quality of service; the reader knows who sent them', async () => {
    const pump = await plant.enrol(`pump${protocolVersion}`, 'sensor')
    const writer = await plant.connect(pump, options)
    const reader = await plant.connect(await plant.enrol('reader'), options)
    const inbox = new Inbox(reader)
    await reader.subscribeAsync('iot/sensor', { qos: 2 })
    for (const qos of [0, 1, 2] as const) {
      const sealed = await writer.publishAsync('iot/sensor', `reading ${qos}`, { qos, contentType: 'text/plain' })
      const { topic, text, message } = await inbox.next()
      expect({ topic, text }).toEqual({ topic: 'iot/sensor', text: `reading ${qos}` })
      expect(message).toMatchObject({
        verified: 'sender',
        sender: pump.sender,
        memberName: `pump${protocolVersion}`,
        sequence: sealed.sequence,
        contentType: 'text/plain',
        late: false,
      })
    }
    await writer.publishAsync('iot/sensor', Uint8Array.of(0, 255, 0), { qos: 1 })
    expect([...(await inbox.next()).message.payload]).toEqual([0, 255, 0])
    await writer.publishAsync('iot/sensor', '', { qos: 1 })
    expect((await inbox.next()).text).toBe('')
    expect(inbox.rejected).toEqual([])
    await reader.unsubscribeAsync('iot/sensor')
    await writer.publishAsync('iot/sensor', 'unheard', { qos: 1 })
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    await writer.publishAsync('iot/sensor', 'heard', { qos: 1 })
    expect((await inbox.next()).text).toBe('heard')
  })

  it('shows the broker nothing but envelopes', async () => {
    const tap = await plant.connectPlain(mosquitto.url)
    await tap.subscribeAsync('#', { qos: 1 })
    const writer = await plant.connect(await plant.enrol('tapped'), options)
    const carried = nextPayload(tap)
    await writer.publishAsync('iot/sensor', 'CANARY-12345678', { qos: 1 })
    expect((await carried).includes('CANARY')).toBe(false)
  })

  it('delivers a retained message to who comes later, and says that it was retained', async () => {
    const writer = await plant.connect(await plant.enrol('retainer'), options)
    await writer.publishAsync('iot/login', 'last known', { qos: 1, retain: true })
    const reader = await plant.connect(await plant.enrol('later'), options)
    const inbox = new Inbox(reader)
    await reader.subscribeAsync('iot/login', { qos: 1 })
    const { text, message } = await inbox.next()
    expect(text).toBe('last known')
    expect(message.retained).toBe(true)
  })

  it('delivers a sealed will when a connection breaks', async () => {
    const reader = await plant.connect(await plant.enrol('mourner'), options)
    const inbox = new Inbox(reader)
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    const dying = await plant.connect(await plant.enrol('dying'), {
      ...options,
      will: { topic: 'iot/sensor', payload: 'gone', qos: 1 },
    })
    await dying.endAsync(true)
    expect(await inbox.next()).toMatchObject({ text: 'gone', message: { senderName: 'dying' } })
  })

  it('delivers a new will after each broken connection, also after it came back by itself', async () => {
    const reader = await plant.connect(await plant.enrol('widow'), options)
    const inbox = new Inbox(reader)
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    const identity = await plant.enrol('cat')
    const cat = await plant.connect(identity, { ...options, will: { topic: 'iot/sensor', payload: 'gone', qos: 1 } })
    for (let life = 0; life < 2; life++) {
      const back = eventOf(cat, 'connect')
      await plant.connectPlain(mosquitto.url, { clientId: `sealmq-${identity.sender}`, protocolVersion })
      expect(await inbox.next()).toMatchObject({ text: 'gone', message: { senderName: 'cat' } })
      await back
    }
    expect(inbox.rejected).toEqual([])
  })

  it('refuses at once what the role does not allow, with the rule, and cuts a wide subscription', async () => {
    const viewer = await plant.connect(await plant.enrol(`viewer${protocolVersion}`, 'viewer'), options)
    await expect(viewer.publishAsync('iot/sensor', 'x')).rejects.toMatchObject({
      code: 'not-permitted',
      message: expect.stringMatching(/channel|grant/),
    })
    await expect(viewer.subscribeAsync('iot/control')).rejects.toMatchObject({ code: 'subscription-refused' })
    const narrowed = eventOf(viewer, 'narrowed')
    const granted = await viewer.subscribeAsync('#', { qos: 1 })
    expect(granted).toEqual([{ requested: '#', filters: ['iot/login'], qos: 1 }])
    expect(await narrowed).toEqual(['#', ['iot/login']])
    await expect(viewer.publishAsync('a/+', 'x')).rejects.toMatchObject({ code: expect.any(String) })
  })

  it('carries two thousand messages over one connection, each once and in order', async () => {
    const writer = await plant.connect(await plant.enrol('many'), options)
    const reader = await plant.connect(await plant.enrol('counter'), options)
    const inbox = new Inbox(reader)
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    const count = 2000
    let next = 0
    const publish = async () => {
      while (next < count) await writer.publishAsync('iot/sensor', String(next++), { qos: 1 })
    }
    await Promise.all(Array.from({ length: 100 }, publish))
    await inbox.until(() => inbox.opened.length + inbox.rejected.length >= count)
    expect(inbox.rejected).toEqual([])
    expect(inbox.opened.map(({ text }) => Number(text))).toEqual(Array.from({ length: count }, (_, index) => index))
  })

  it('refuses a payload that no broker would take, and goes on', async () => {
    const writer = await plant.connect(await plant.enrol('large'), options)
    await expect(writer.publishAsync('iot/sensor', new Uint8Array(2 ** 20), { qos: 1 })).rejects.toMatchObject({
      code: 'payload-too-large',
    })
    expect(await writer.publishAsync('iot/sensor', new Uint8Array(900_000), { qos: 1 })).toMatchObject({
      sequence: expect.any(Number),
    })
  })
})
