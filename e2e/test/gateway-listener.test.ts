import { connect } from 'node:net'
import type { Gateway } from '@sealmq/gateway'
import { hashPassword } from '@sealmq/gateway'
import mqttPacket from 'mqtt-packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayPlant, machine, until } from './gateway-plant.ts'
import { Inbox } from './plant.ts'

describe('the listener for machines', { timeout: 120_000 }, () => {
  let plants: GatewayPlant
  let gateway: Gateway
  let inbox: Inbox
  beforeAll(async () => {
    plants = await GatewayPlant.start()
    const passwordHash = await hashPassword('hashed password')
    const users = [
      {
        user: machine.username,
        passwordFile: 'machine-password',
        publish: ['m/press/#', 'spBv1.0/#'],
        subscribe: ['m/press/set', 'down/#'],
      },
      { user: 'hashed', passwordHash, publish: ['m/hashed'] },
    ]
    const path = plants.config(
      [
        { direction: 'up', from: 'm/#', to: 'plant/{#}', retain: true },
        { direction: 'up', from: 'spBv1.0/#', to: 'sealed/spBv1.0/{#}', format: 'sparkplug' },
        { direction: 'down', from: 'values/#', to: 'down/{#}' },
      ],
      { machines: { listen: { port: 0, users, maximumPacketLength: 4096, maximumConnections: 20 } } },
    )
    gateway = await plants.startGateway(path)
    const reader = await plants.plant.connect(await plants.plant.enrol('reader', 'gateway'))
    inbox = new Inbox(reader)
    await reader.subscribeAsync(['plant/#', 'sealed/#'], { qos: 1 })
  })
  afterAll(() => plants.stop())
  const closed = (client: { once(event: 'close', listener: () => void): unknown }) =>
    new Promise<void>((resolve) => client.once('close', () => resolve()))

  it('takes a hashed password too, and nobody without one', async () => {
    const hashed = await plants.machine(gateway.address(), { username: 'hashed', password: 'hashed password' })
    await hashed.publishAsync('m/hashed', 'x', { qos: 1 })
    expect((await inbox.next()).topic).toBe('plant/hashed')
    for (const options of [
      { username: 'hashed', password: 'other' },
      { username: 'nobody', password: '' },
      { username: '', password: '' },
    ]) {
      await expect(plants.machine(gateway.address(), options)).rejects.toMatchObject({ code: 4 })
    }
  })

  it('makes those wait who give wrong passwords, and only them', async () => {
    for (let round = 0; round < 5; round++)
      await expect(
        plants.machine(gateway.address(), { username: 'hashed', password: `${round}` }),
      ).rejects.toBeDefined()
    await expect(
      plants.machine(gateway.address(), { username: 'hashed', password: 'hashed password' }),
    ).rejects.toMatchObject({ code: 3 })
    const other = await plants.machine(gateway.address())
    expect(other.connected).toBe(true)
  })

  it('lets a machine publish and subscribe to its own topics only', async () => {
    const press = await plants.machine(gateway.address())
    const granted = await press
      .subscribeAsync(['m/press/set', 'm/+/set', '#', '$SYS/#', '$share/g/m/press/set'])
      .catch((error) => error)
    expect(granted.packet?.granted ?? granted.map(({ qos }: { qos: number }) => qos)).toEqual([0, 128, 128, 128, 128])
    const gone = closed(press)
    press.publish('m/hashed', 'not mine', { qos: 1 })
    await gone
    await expect(
      plants.machine(gateway.address(), {
        will: { topic: 'm/hashed', payload: Buffer.from('x'), qos: 1, retain: false },
      }),
    ).rejects.toMatchObject({ code: 5 })
  })

  it('seals the will of a machine that is gone, and takes retained messages away', async () => {
    const press = await plants.machine(gateway.address(), {
      will: { topic: 'm/press/state', payload: Buffer.from('gone'), qos: 1, retain: false },
    })
    press.stream.destroy()
    expect(await inbox.next()).toMatchObject({ topic: 'plant/press/state', text: 'gone' })
    const again = await plants.machine(gateway.address())
    await again.publishAsync('m/press/kept', 'on', { qos: 1, retain: true })
    expect((await inbox.next()).text).toBe('on')
    const late = await plants.plant.connect(await plants.plant.enrol('late', 'gateway'))
    const kept = new Inbox(late)
    await late.subscribeAsync('plant/press/kept', { qos: 1 })
    expect(await kept.next()).toMatchObject({ text: 'on', message: { retained: true } })
    await again.publishAsync('m/press/kept', '', { qos: 1, retain: true })
    await until(() => gateway.waiting === 0)
    const none = new Inbox(await plants.plant.connect(await plants.plant.enrol('none', 'gateway')))
    expect(none.opened).toEqual([])
  })

  it('passes Sparkplug payloads as they are under the parallel root, and nothing that is no Sparkplug topic', async () => {
    const press = await plants.machine(gateway.address())
    const payload = Buffer.from([0x08, 0xff, 0x01, 0x18, 0x00])
    await press.publishAsync('spBv1.0/group/what/press', payload, { qos: 1 })
    await press.publishAsync('spBv1.0/group/NDATA/press', payload, { qos: 1 })
    const { topic, message } = await inbox.next()
    expect(topic).toBe('sealed/spBv1.0/group/NDATA/press')
    expect(Buffer.from(message.payload)).toEqual(payload)
  })

  it('drops packets over the limit, and connections over theirs', async () => {
    const press = await plants.machine(gateway.address())
    const gone = closed(press)
    press.publish('m/press/large', Buffer.alloc(5000), { qos: 1 })
    await gone
    const { hostname, port } = new URL(gateway.address())
    const sockets = Array.from({ length: 30 }, () => connect(Number(port), hostname).on('error', () => {}))
    const ended = new Set<unknown>()
    for (const socket of sockets) socket.on('close', () => ended.add(socket))
    await until(() => ended.size >= 10)
    for (const socket of sockets) socket.destroy()
    await until(() => ended.size === 30)
  })

  it('drops a machine that takes nothing, and others go on', async () => {
    const { hostname, port } = new URL(gateway.address())
    const frozen = connect(Number(port), hostname)
    const gone = closed(frozen)
    frozen.on('error', () => {})
    const { username, password } = machine
    frozen.write(
      mqttPacket.generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId: 'frozen',
        clean: true,
        keepalive: 0,
        username,
        password: Buffer.from(password),
      }),
    )
    frozen.write(mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'down/#', qos: 0 }] }))
    await new Promise((resolve) => setTimeout(resolve, 500))
    frozen.pause()
    const living = await plants.machine(gateway.address())
    const last = new Promise<void>((resolve) => {
      living.on('message', (topic) => topic === 'down/last' && resolve())
    })
    await living.subscribeAsync('down/#', { qos: 0 })
    const writer = await plants.plant.connect(await plants.plant.enrol('writer', 'gateway'))
    const { turnedAway } = gateway.counts
    let sent = 0
    while (gateway.counts.turnedAway === turnedAway && sent < 1000) {
      await Promise.all(
        Array.from({ length: 10 }, () => writer.publishAsync('values/big', Buffer.alloc(100_000), { qos: 1 })),
      )
      sent += 10
    }
    frozen.resume()
    await gone
    expect(living.connected).toBe(true)
    await writer.publishAsync('values/last', 'x', { qos: 1 })
    await last
  })
})
