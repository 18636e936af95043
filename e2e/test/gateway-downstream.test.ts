import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayPlant, until } from './gateway-plant.ts'

describe('a gateway that is started again', { timeout: 120_000 }, () => {
  let plants: GatewayPlant
  beforeAll(async () => {
    plants = await GatewayPlant.start()
  }, 120_000)
  afterAll(() => plants.stop())

  it('has the last values for machines that come later, each once, and no telemetry that was retained', async () => {
    const rules = [
      { direction: 'down', from: 'values/#', to: 'down/{#}', retain: true },
      { direction: 'down', from: 'plant/#', to: 'seen/{#}', retain: true },
    ]
    const path = plants.config(rules)
    const writer = await plants.plant.connect(await plants.plant.enrol('writer', 'gateway'))
    const first = await plants.startGateway(path)
    for (const value of ['1', '2']) await writer.publishAsync('values/speed', value, { qos: 1, retain: true })
    await writer.publishAsync('plant/a', 'telemetry', { qos: 1, retain: true })
    await until(() => first.counts.delivered === 3)
    await plants.stopGateway(first)
    const second = await plants.startGateway(path)
    await until(() => second.counts.delivered === 1)
    const press = await plants.machine(second.address())
    const received: string[] = []
    press.on('message', (topic, payload) => received.push(`${topic} ${payload}`))
    await press.subscribeAsync(['down/#', 'seen/#'], { qos: 1 })
    await until(() => received.length === 1)
    // What comes now comes behind all that was kept.
    await writer.publishAsync('values/end', 'x', { qos: 1 })
    await until(() => received.length === 2)
    expect(received).toEqual(['down/speed 2', 'down/end x'])
    expect(second.counts.rejected).toBe(0)
  })
})
