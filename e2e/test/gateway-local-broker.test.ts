import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayPlant, until } from './gateway-plant.ts'
import { Mosquitto } from './mosquitto.ts'
import { Inbox } from './plant.ts'

describe('a gateway at a broker that the machines have', { timeout: 60_000 }, () => {
  let plants: GatewayPlant
  let local: Mosquitto
  beforeAll(async () => {
    plants = await GatewayPlant.start()
    local = await Mosquitto.start()
  })
  afterAll(async () => {
    await plants.stop()
    await local.kill()
  })
  const machines = (clientId: string, more: object = {}) => ({
    machines: { broker: { url: local.url, clientId, ...more } },
  })

  it.each([true, false])('carries both ways, MQTT 5: %s', async (mqtt5) => {
    const gateway = await plants.startGateway(
      plants.config(
        [
          { direction: 'up', from: 'up/#', to: 'plant/{#}' },
          { direction: 'down', from: 'commands/+', to: 'down/{1}' },
        ],
        machines(`both-${mqtt5}`, { mqtt5 }),
      ),
    )
    const peer = await plants.plant.connect(await plants.plant.enrol(`peer-${mqtt5}`, 'gateway'))
    const inbox = new Inbox(peer)
    await peer.subscribeAsync('plant/#', { qos: 1 })
    const machine = await plants.machine(local.url)
    const commands: string[] = []
    machine.on('message', (topic, payload) => commands.push(`${topic} ${payload}`))
    await machine.subscribeAsync('down/#', { qos: 1 })
    for (let index = 0; index < 200; index++) machine.publish('up/a/b', `${index}`, { qos: 1 })
    for (let index = 0; index < 200; index++) {
      expect(await inbox.next()).toMatchObject({ topic: 'plant/a/b', text: `${index}` })
    }
    await peer.publishAsync('commands/valve', 'open', { qos: 1 })
    await until(() => commands.length === 1)
    expect(commands).toEqual(['down/valve open'])
    await until(() => gateway.counts.delivered === 1 && gateway.waiting === 0)
    await plants.stopGateway(gateway)
  })

  it('comes back by itself after the broker was away; what the broker kept meanwhile arrives, stale commands do not', async () => {
    const gateway = await plants.startGateway(
      plants.config(
        [
          { direction: 'up', from: 'up/#', to: 'plant/{#}' },
          { direction: 'down', from: 'commands/+', to: 'down/{1}' },
          { direction: 'down', from: 'values/+', to: 'values/{1}', retain: true },
        ],
        machines('away'),
      ),
    )
    const peer = await plants.plant.connect(await plants.plant.enrol('peer-away', 'gateway'))
    const inbox = new Inbox(peer)
    await peer.subscribeAsync('plant/#', { qos: 1 })
    await local.stop()
    await peer.publishAsync('commands/valve', 'stale', { qos: 1 })
    await peer.publishAsync('values/target', '20', { qos: 1, retain: true })
    await new Promise((resolve) => setTimeout(resolve, 3_000))
    await local.resume()
    await until(() => gateway.counts.delivered + gateway.counts.undelivered === 2)
    expect(gateway.counts).toMatchObject({ delivered: 1, undelivered: 1 })
    const machine = await plants.machine(local.url)
    const received: string[] = []
    machine.on('message', (topic, payload, { retain }) => received.push(`${topic} ${payload} ${retain}`))
    await machine.subscribeAsync(['down/#', 'values/#'], { qos: 1 })
    await machine.publishAsync('up/x', 'again', { qos: 1 })
    expect((await inbox.next()).text).toBe('again')
    await until(() => received.length > 0)
    expect(received).toEqual(['values/target 20 true'])
    await plants.stopGateway(gateway)
    // Stopped, its session is kept: what comes meanwhile is taken at the next start.
    await machine.publishAsync('up/x', 'meanwhile', { qos: 1 })
    const again = await plants.startGateway(
      plants.config([{ direction: 'up', from: 'up/#', to: 'plant/{#}' }], machines('away')),
    )
    expect((await inbox.next()).text).toBe('meanwhile')
    await plants.stopGateway(again)
  })

  it("reads and writes the original's payloads on both sides of it", async () => {
    const keys = { aesKey: Buffer.alloc(16, 7).toString('base64'), hmacKey: Buffer.alloc(32, 8).toString('base64') }
    writeFileSync(join(plants.folder, 'original.json'), JSON.stringify(keys), { mode: 0o600 })
    const legacy = { format: 'legacy', keys: 'original.json' }
    const gateway = await plants.startGateway(
      plants.config(
        [
          { direction: 'up', from: 'iot/sensor', to: 'plant/sensor', ...legacy },
          { direction: 'down', from: 'commands/control', to: 'iot/control', ...legacy },
        ],
        machines('legacy'),
      ),
    )
    const peer = await plants.plant.connect(await plants.plant.enrol('peer-legacy', 'gateway'))
    const inbox = new Inbox(peer)
    await peer.subscribeAsync('plant/#', { qos: 1 })
    const { legacyFormat } = await import('../../packages/gateway/src/formats/legacy.ts')
    const original = legacyFormat({ aes: Buffer.alloc(16, 7), hmac: Buffer.alloc(32, 8) })
    const machine = await plants.machine(local.url)
    const control = new Promise<Buffer>((resolve) => machine.once('message', (_topic, payload) => resolve(payload)))
    await machine.subscribeAsync('iot/control', { qos: 1 })
    const forged = Buffer.from(original.fromMachine(Buffer.from(original.toMachine(Buffer.from('x'), 't')), 't'))
    await machine.publishAsync('iot/sensor', forged, { qos: 1 })
    await machine.publishAsync('iot/sensor', Buffer.from(original.toMachine(Buffer.from('21.4'), 't')), { qos: 1 })
    expect((await inbox.next()).text).toBe('21.4')
    expect(gateway.counts.malformed).toBe(1)
    await peer.publishAsync('commands/control', 'VALVE OPEN', { qos: 1 })
    expect(Buffer.from(original.fromMachine(await control, 't')).toString()).toBe('VALVE OPEN')
    await plants.stopGateway(gateway)
  })

  it('refuses to start when the broker refuses it', async () => {
    writeFileSync(join(plants.folder, 'wrong'), 'wrong\n', { mode: 0o600 })
    // The plant's own broker knows no such user.
    const path = plants.config([{ direction: 'up', from: 'up/#', to: 'plant/{#}' }], {
      machines: { broker: { url: plants.plant.brokerUrl, user: 'nobody', passwordFile: 'wrong', mqtt5: false } },
    })
    await expect(plants.startGateway(path)).rejects.toMatchObject({ code: 'machines-refused' })
  })
})
