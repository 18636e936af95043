import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayPlant, until } from './gateway-plant.ts'
import { Inbox } from './plant.ts'

/** What a plain client received. */
function collect(client: MqttClient) {
  const received: { topic: string; text: string; retain: boolean }[] = []
  client.on('message', (topic, payload, { retain }) => received.push({ topic, text: payload.toString(), retain }))
  return received
}

describe('a gateway with a listener of its own', () => {
  let plants: GatewayPlant
  beforeAll(async () => {
    plants = await GatewayPlant.start()
  })
  afterAll(() => plants.stop())

  it('seals what a machine publishes, on the topic that the rule makes of its own', async () => {
    const gateway = await plants.startGateway(
      plants.config([
        { direction: 'up', from: 'machines/+/values/#', to: 'plant/line-1/{1}/{#}', contentType: 'text/plain' },
      ]),
    )
    const reader = await plants.plant.connect(await plants.plant.enrol('reader', 'gateway'))
    const inbox = new Inbox(reader)
    await reader.subscribeAsync('plant/#', { qos: 1 })
    const machine = await plants.machine(gateway.address())
    await machine.publishAsync('machines/press-7/values/oil/temperature', '81.5', { qos: 1 })
    const { topic, text, message } = await inbox.next()
    expect({ topic, text }).toEqual({ topic: 'plant/line-1/press-7/oil/temperature', text: '81.5' })
    expect(message).toMatchObject({
      sender: plants.identity.sender,
      memberName: 'gateway',
      verified: 'sender',
      contentType: 'text/plain',
      late: false,
      origin: expect.stringMatching(/^[0-9a-f]{32}$/),
    })
    await until(() => gateway.waiting === 0)
    expect(gateway.counts).toMatchObject({ taken: 1, forwarded: 1 })
    await plants.stopGateway(gateway)
  })

  it('opens what the plant seals and hands it to machines; commands are never retained', async () => {
    const gateway = await plants.startGateway(
      plants.config([
        { direction: 'down', from: 'commands/+/set', to: 'machines/{1}/set', retain: true },
        { direction: 'down', from: 'values/#', to: 'values/{#}', retain: true },
      ]),
    )
    const machine = await plants.machine(gateway.address())
    const received = collect(machine)
    await machine.subscribeAsync('#', { qos: 1 })
    const operator = await plants.plant.connect(await plants.plant.enrol('operator', 'gateway'))
    await operator.publishAsync('commands/press-7/set', 'open', { qos: 1 })
    await operator.publishAsync('values/target', '20', { qos: 1, retain: true })
    await until(() => received.length === 2)
    const late = await plants.machine(gateway.address())
    const kept = collect(late)
    await late.subscribeAsync('#', { qos: 1 })
    await until(() => kept.length === 1)
    expect(received.map(({ topic, text }) => `${topic} ${text}`)).toEqual([
      'machines/press-7/set open',
      'values/target 20',
    ])
    expect(kept).toEqual([{ topic: 'values/target', text: '20', retain: true }])
    await plants.stopGateway(gateway)
  })
})
