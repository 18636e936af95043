import type { SealedClient } from '@sealmq/client'
import { routes } from '@sealmq/protocol/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GatewayPlant, until } from './gateway-plant.ts'
import { Mosquitto } from './mosquitto.ts'
import { Inbox } from './plant.ts'

const up = { direction: 'up', from: 'm/+', to: 'plant/{1}' }

describe('a gateway whose plant is away', { timeout: 180_000 }, () => {
  let plants: GatewayPlant
  let broker: Mosquitto
  let reader: SealedClient
  let inbox: Inbox
  beforeEach(async () => {
    plants = await GatewayPlant.start()
    broker = await Mosquitto.start()
    reader = await plants.plant.connect(await plants.plant.enrol('reader', 'gateway'), {
      brokerUrl: broker.url,
      clean: false,
      clientIdSuffix: 'reader',
    })
    inbox = new Inbox(reader)
    await reader.subscribeAsync('plant/#', { qos: 1 })
  })
  afterEach(async () => {
    await plants.stop()
    await broker.kill()
  })

  it('acknowledges to machines, and forwards with the first time when the broker is back, marked late, in order', async () => {
    const gateway = await plants.startGateway(plants.config([up]), broker.url)
    const machine = await plants.machine(gateway.address())
    await machine.publishAsync('m/a', 'before', { qos: 1 })
    expect((await inbox.next()).text).toBe('before')
    await broker.stop()
    const firstAt: number[] = []
    for (let index = 0; index < 50; index++) {
      firstAt.push(Date.now())
      await machine.publishAsync('m/a', `${index}`, { qos: 1 })
    }
    expect(gateway.waiting).toBe(50)
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    await broker.resume()
    for (let index = 0; index < 50; index++) {
      const { text, message } = await inbox.next()
      expect(text).toBe(`${index}`)
      expect(message.late).toBe(true)
      expect(Math.abs(message.firstAt - firstAt[index]!)).toBeLessThan(500)
      expect(message.sealedAt - message.firstAt).toBeGreaterThan(2_000)
    }
    await until(() => gateway.waiting === 0)
    expect(inbox.rejected).toEqual([])
    expect(gateway.counts).toMatchObject({ taken: 51, forwarded: 51, late: 50, dropped: 0 })
  })

  it('takes machines also when it starts while authority and broker are away; what it took outlives restarts', async () => {
    await broker.stop()
    const path = plants.config([up])
    let gateway = await plants.startGateway(path, broker.url)
    let machine = await plants.machine(gateway.address())
    await machine.publishAsync('m/a', 'first', { qos: 1 })
    await plants.stopGateway(gateway)
    await plants.plant.stopAuthority()
    gateway = await plants.startGateway(path, broker.url)
    expect(gateway.waiting).toBe(1)
    machine = await plants.machine(gateway.address())
    await machine.publishAsync('m/a', 'second', { qos: 1 })
    await broker.resume()
    await plants.plant.startAuthority()
    const [one, other] = [await inbox.next(), await inbox.next()]
    expect([one.text, other.text]).toEqual(['first', 'second'])
    expect(one.message.origin).not.toBe(other.message.origin)
    await until(() => gateway.waiting === 0)
  })

  it.each(['drop-oldest', 'refuse-newest'] as const)('keeps within its bounds: %s', async (whenFull) => {
    await broker.stop()
    const queue = { folder: `${plants.folder}/bounded`, maximumMessages: 10, whenFull }
    const gateway = await plants.startGateway(plants.config([up], { queue }), broker.url)
    const acknowledged: string[] = []
    const refused: string[] = []
    for (let index = 0; index < 15; index++) {
      const client = await plants.machine(gateway.address())
      const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
      const taken = client.publishAsync('m/a', `${index}`, { qos: 1 }).then(() => true)
      const isTaken = await Promise.race([taken, closed.then(() => false)]).catch(() => false)
      ;(isTaken ? acknowledged : refused).push(`${index}`)
    }
    expect(gateway.waiting).toBe(10)
    await broker.resume()
    const texts: string[] = []
    while (texts.length < 10) texts.push((await inbox.next()).text)
    const all = Array.from({ length: 15 }, (_, index) => `${index}`)
    if (whenFull === 'drop-oldest') {
      expect(acknowledged).toEqual(all)
      expect(texts).toEqual(all.slice(5))
      expect(gateway.counts).toMatchObject({ taken: 15, dropped: 5, refused: 0 })
    } else {
      expect(acknowledged).toEqual(all.slice(0, 10))
      expect(refused).toEqual(all.slice(10))
      expect(texts).toEqual(all.slice(0, 10))
      expect(gateway.counts).toMatchObject({ taken: 10, dropped: 0, refused: 5 })
    }
  })

  it('gives up commands whose life is over, and keeps what it may not publish until it may', async () => {
    const rules = [up, { direction: 'up', from: 'c/+', to: 'commands/{1}' }]
    const gateway = await plants.startGateway(plants.config(rules), broker.url)
    const machine = await plants.machine(gateway.address())
    const operator = await plants.plant.connect(await plants.plant.enrol('operator', 'gateway'), {
      brokerUrl: broker.url,
    })
    const commands = new Inbox(operator)
    await operator.subscribeAsync('commands/#', { qos: 1 })
    await machine.publishAsync('c/valve', 'open', { qos: 1 })
    expect((await commands.next()).text).toBe('open')
    await broker.stop()
    await until(() => !operator.connected)
    await machine.publishAsync('c/valve', 'close', { qos: 1 })
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    await broker.resume()
    await until(() => gateway.counts.expired === 1 && operator.connected)
    await operator.subscribeAsync('commands/#', { qos: 1 })
    expect(gateway.waiting).toBe(0)

    const grants = (names: string[]) =>
      plants.plant.admin.request('PATCH', routes.role.replace(':id', 'gateway'), {
        grants: names.flatMap((channel) => ['publish', 'subscribe'].map((right) => ({ channel, right }))),
      })
    await grants(['commands'])
    await until(() => gateway.counts.forwarded === 1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    await machine.publishAsync('m/a', 'kept', { qos: 1 })
    await machine.publishAsync('c/valve', 'passes', { qos: 1 })
    expect((await commands.next()).text).toBe('passes')
    await until(() => gateway.waiting === 1)
    await grants(['commands', 'telemetry'])
    expect((await inbox.next()).text).toBe('kept')
    await until(() => gateway.waiting === 0)
    expect(commands.rejected).toEqual([])
  })

  it('hands stale commands to no machine', async () => {
    const gateway = await plants.startGateway(
      plants.config([{ direction: 'down', from: 'commands/+', to: 'm/{1}' }]),
      broker.url,
    )
    const machine = await plants.machine(gateway.address())
    const received: string[] = []
    machine.on('message', (_topic, payload) => received.push(payload.toString()))
    await machine.subscribeAsync('m/#', { qos: 1 })
    await plants.stopGateway(gateway)
    const operator = await plants.plant.connect(await plants.plant.enrol('operator', 'gateway'), {
      brokerUrl: broker.url,
    })
    await operator.publishAsync('commands/valve', 'old', { qos: 1 })
    await new Promise((resolve) => setTimeout(resolve, 2_500))
    const again = await plants.startGateway(
      plants.config([{ direction: 'down', from: 'commands/+', to: 'm/{1}' }]),
      broker.url,
    )
    const later = await plants.machine(again.address())
    later.on('message', (_topic, payload) => received.push(payload.toString()))
    await later.subscribeAsync('m/#', { qos: 1 })
    await operator.publishAsync('commands/valve', 'fresh', { qos: 1 })
    await until(() => received.length > 0)
    expect(received).toEqual(['fresh'])
    await until(() => again.counts.rejected === 1)
  })
})
