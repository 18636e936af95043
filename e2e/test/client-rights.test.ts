import type { SealedClient } from '@sealmq/client'
import { type ChannelInfo, routes } from '@sealmq/protocol/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Mosquitto } from './mosquitto.ts'
import { eventOf, Inbox, Plant } from './plant.ts'

const at = (route: string, id: string | number) => route.replace(':id', encodeURIComponent(id))

describe('a client whose rights change', () => {
  let plant: Plant
  let mosquitto: Mosquitto
  let options: { brokerUrl: string }
  beforeEach(async () => {
    mosquitto = await Mosquitto.start()
    plant = await Plant.start()
    options = { brokerUrl: mosquitto.url }
  })
  afterEach(async () => {
    await plant.stop()
    await mosquitto.kill()
  })
  const setGrants = (role: string, ...grants: [channel: string, right: string][]) =>
    plant.admin.request('PATCH', at(routes.role, role), {
      grants: grants.map(([channel, right]) => ({ channel, right })),
    })
  /** Waits until the client's rights are as wanted. */
  async function until(client: SealedClient, holds: () => boolean) {
    while (!holds()) await eventOf(client, 'rights')
  }
  const allowed = (client: SealedClient, topic: string) => {
    try {
      client.check(topic)
      return true
    } catch {
      return false
    }
  }

  it('learns of grants at once: publishes what it may now, no longer what it may not, and its wide subscription follows', async () => {
    const client = await plant.connect(await plant.enrol('viewer', 'viewer'), options)
    const admin = await plant.connect(await plant.enrol('admin'), options)
    const inbox = new Inbox(client)
    await client.subscribeAsync('iot/#', { qos: 1 })
    expect(allowed(client, 'iot/sensor')).toBe(false)
    const widened = eventOf(client, 'narrowed')
    await setGrants('viewer', ['login', 'subscribe'], ['sensor', 'subscribe'], ['sensor', 'publish'])
    expect(await widened).toEqual(['iot/#', ['iot/login', 'iot/sensor']])
    await until(client, () => allowed(client, 'iot/sensor'))
    await client.publishAsync('iot/sensor', 'mine', { qos: 1 })
    expect((await inbox.next()).text).toBe('mine')
    const narrowed = eventOf(client, 'narrowed')
    await setGrants('viewer', ['login', 'subscribe'])
    expect(await narrowed).toEqual(['iot/#', ['iot/login']])
    expect(allowed(client, 'iot/sensor')).toBe(false)
    await until(admin, () => admin.rights.length > 0)
    await admin.publishAsync('iot/login', 'still', { qos: 1 })
    expect((await inbox.next()).text).toBe('still')
  })

  it('seals in the new epoch after a rotation, and opens what is on its way from the old one', async () => {
    const writer = await plant.connect(await plant.enrol('pump', 'sensor'), options)
    const identity = await plant.enrol('reader')
    const durable = { ...options, clean: false, clientIdSuffix: 'durable' }
    const before = await plant.connect(identity, durable)
    await before.subscribeAsync('iot/sensor', { qos: 1 })
    await before.endAsync()
    await writer.publishAsync('iot/sensor', 'old epoch', { qos: 1 })
    const rights = eventOf(writer, 'rights')
    const { epoch } = await plant.admin.request<ChannelInfo>('POST', at(routes.rotate, 'sensor'))
    await rights
    await writer.publishAsync('iot/sensor', 'new epoch', { qos: 1 })
    const opened: [string, number][] = []
    const inbox = new Inbox()
    await plant.connect(identity, { ...durable, on: inbox.listeners })
    await inbox.until(() => inbox.opened.length + inbox.rejected.length === 2)
    for (const { text, message } of inbox.opened) opened.push([text, message.epoch])
    expect(opened).toEqual([
      ['old epoch', expect.any(Number)],
      ['new epoch', epoch],
    ])
    expect(opened[0]![1]).toBeLessThan(epoch)
  })

  it('ends when its member is removed: no key, no connection, no reconnect', async () => {
    const pump = await plant.enrol('pump', 'sensor')
    const client = await plant.connect(pump, options)
    const failed = eventOf(client, 'error')
    const closed = eventOf(client, 'close')
    await plant.admin.request('DELETE', at(routes.member, pump.member))
    expect(await failed).toMatchObject([{ code: 'revoked' }])
    await closed
    expect(client.connected).toBe(false)
    expect(client.rights).toEqual([])
    await expect(client.publishAsync('iot/sensor', 'x')).rejects.toMatchObject({ code: 'revoked' })
    await expect(client.subscribeAsync('iot/sensor')).rejects.toMatchObject({ code: 'revoked' })
    await expect(plant.connect(pump, options)).rejects.toMatchObject({ code: 'revoked' })
  })
})
