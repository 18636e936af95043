import { join } from 'node:path'
import { routes, type SenderCreated } from '@sealmq/protocol/api'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { storedByBroker } from './broker-store.ts'
import { closed, connectMqtt, inbox, rawSocket, socketClosed } from './mqtt-connection.ts'
import { TestAuthority } from './test-authority.ts'

const at = (route: string, id: string | number) => route.replace(':id', encodeURIComponent(id))

describe('the embedded broker', () => {
  let authority: TestAuthority
  const open: { destroy(): void }[] = []
  beforeEach(async () => {
    authority = await TestAuthority.withAdministrator()
  })
  afterEach(async () => {
    for (const connection of open.splice(0)) connection.destroy()
    await authority.close()
  })

  const credentials = async (name: string, ...roles: string[]) => {
    const member = await authority.createMember(name, ...roles)
    return { ...(await authority.addSender(member.token)), member }
  }
  async function connect(sender: Pick<SenderCreated, 'broker'>, options: IClientOptions = {}): Promise<MqttClient> {
    const client = await connectMqtt(authority, sender, options)
    open.push({ destroy: () => client.end(true) })
    return client
  }

  it('delivers a will that the role allows, and refuses the connection of any other', async () => {
    const pump = await credentials('pump', 'sensor')
    const will = (topic: string) => ({ will: { topic, payload: Buffer.from('gone'), qos: 1 as const, retain: false } })
    const refused = mqtt.connectAsync(authority.running.mqttUrl, {
      ...pump.broker,
      ...will('iot/login'),
      reconnectPeriod: 0,
    })
    await expect(refused).rejects.toMatchObject({ code: 5 })
    const reader = await connect(pump, { clientId: 'reader' })
    const next = inbox(reader)
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    const dying = await connect(pump, { clientId: 'dying', ...will('iot/sensor') })
    dying.stream.destroy()
    expect(await next()).toEqual(['iot/sensor', 'gone'])
  })

  it('lets nobody take over the session of another by its client id', async () => {
    const pump = await credentials('pump', 'sensor')
    const thief = await credentials('thief', 'sensor')
    const durable = { clientId: 'the same', clean: false }
    const victim = await connect(pump, durable)
    await victim.subscribeAsync('iot/sensor', { qos: 1 })
    const attacker = await connect(thief, durable)
    expect(attacker.options.clientId).toBe('the same')
    expect(victim.connected).toBe(true)
    const next = inbox(victim)
    const stolen: string[] = []
    attacker.on('message', (_topic, payload) => stolen.push(payload.toString()))
    await attacker.publishAsync('iot/sensor', 'for the victim', { qos: 1 })
    expect(await next()).toEqual(['iot/sensor', 'for the victim'])
    await attacker.publishAsync('iot/sensor', 'again', { qos: 1 })
    expect(stolen).toEqual([])
    const posing = {
      username: thief.broker.username,
      password: thief.broker.password,
      clientId: `${pump.broker.username}/the same`,
    }
    await connect({ broker: posing }, { clientId: posing.clientId })
    expect(victim.connected).toBe(true)
  })

  it('drops a removed member at once, with its sessions and all that waits for it', async () => {
    const pump = await credentials('pump', 'sensor')
    const admin = await authority.addSender(authority.admin)
    const durable = await connect(pump, { clientId: 'durable', clean: false })
    await durable.subscribeAsync('iot/sensor', { qos: 1 })
    await durable.endAsync(true)
    const online = await connect(pump, { clientId: 'online' })
    await online.subscribeAsync('iot/sensor', { qos: 1 })
    const writer = await connect(admin)
    await writer.publishAsync('iot/sensor', 'waits for pump', { qos: 1 })
    const dropped = closed(online)
    expect(await authority.askAdmin('DELETE', at(routes.member, pump.member.id))).toMatchObject({ status: 204 })
    await dropped
    await expect(
      mqtt.connectAsync(authority.running.mqttUrl, { ...pump.broker, reconnectPeriod: 0 }),
    ).rejects.toMatchObject({ code: 4 })
    await writer.publishAsync('iot/sensor', 'nobody waits', { qos: 1 })
    expect(await storedFor(authority, pump.sender)).toEqual([])
  })

  it('takes from a member only what it may no longer have', async () => {
    const both = await credentials('both', 'sensor', 'viewer')
    const admin = await authority.addSender(authority.admin)
    const durable = { clientId: 'durable', clean: false }
    const reader = await connect(both, durable)
    await reader.subscribeAsync(['iot/sensor', 'iot/login'], { qos: 1 })
    await reader.endAsync(true)
    const writer = await connect(admin)
    for (const topic of ['iot/sensor', 'iot/login']) await writer.publishAsync(topic, 'queued', { qos: 1 })
    await authority.askAdmin('PATCH', at(routes.member, both.member.id), { roles: ['viewer'] })
    const stored = await storedFor(authority, both.sender)
    expect(stored.filter((key) => key.startsWith('outgoing:'))).toHaveLength(1)
    const again = await connect(admin)
    for (const topic of ['iot/sensor', 'iot/login']) await again.publishAsync(topic, 'afterwards', { qos: 1 })
    const client = mqtt.connect(authority.running.mqttUrl, { ...both.broker, ...durable, reconnectPeriod: 0 })
    open.push({ destroy: () => client.end(true) })
    const next = inbox(client)
    expect([await next(), await next()]).toEqual([
      ['iot/login', 'queued'],
      ['iot/login', 'afterwards'],
    ])
  })

  it('ends a connection that announces a packet above the limit, before it is sent', async () => {
    for (const header of [
      [0x10, 0x80, 0xc4, 0xcc, 0x4b],
      [0x30, 0xff, 0xff, 0xff, 0x7f],
      [0x30, 0x80, 0x80, 0x80, 0x80, 0x01],
    ]) {
      const socket = rawSocket(authority)
      open.push(socket)
      socket.write(Uint8Array.from(header))
      socket.resume()
      await socketClosed(socket)
    }
    const pump = await credentials('pump', 'sensor')
    const client = await connect(pump)
    const dropped = closed(client)
    client.publish('iot/sensor', Buffer.alloc(1024 * 1024 + 1), { qos: 1 }, () => {})
    await dropped
    expect((await connect(pump)).connected).toBe(true)
  })
})

/** Stops the authority, and gives the keys of what its broker has stored for a sender. */
async function storedFor(authority: TestAuthority, sender: number): Promise<string[]> {
  await authority.close()
  const stored = await storedByBroker(join(authority.options.dataDir, 'broker'))
  const keys = stored.keys.filter((key) => key.includes(`sender-${sender}%2F`))
  const values = stored.values.map(String).filter((value) => value.includes(`sender-${sender}/`))
  await authority.startAgain()
  return [...keys, ...values]
}
