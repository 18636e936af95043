import { once } from 'node:events'
import mqtt, { type MqttClient } from 'mqtt'
import { expect } from 'vitest'
import type { Count } from '../../scripts/bar.ts'
import { GatewayPlant, machine, until } from './gateway-plant.ts'
import { Inbox } from './plant.ts'
import { Installation, lines, lineThat } from './sealmq-process.ts'

const topics = ['m/a', 'm/b', 'm/c']
/** Messages that a machine has sent and whose acknowledgement it waits for. */
const inFlight = 100

/**
 * Kills a gateway so often in full flow, at any moment. Every message that it acknowledged to its machine must arrive, and
 * those of a topic for the first time in their order; one that arrives again has the origin of the first.
 */
export async function killGateway(kills: number, minutes: number, count: Count): Promise<void> {
  const plants = await GatewayPlant.start()
  const installation = new Installation()
  installation.signIn(plants.identity)
  const reader = await plants.plant.connect(await plants.plant.enrol('reader', 'gateway'))
  const inbox = new Inbox(reader)
  await reader.subscribeAsync('plant/#', { qos: 1 })
  const path = plants.config([{ direction: 'up', from: 'm/+', to: 'plant/{1}' }])
  const begun = performance.now()
  const acknowledged = new Set<string>()
  const sent = { next: 0 }
  try {
    for (let kill = 0; kill < kills && performance.now() - begun < minutes * 60_000; kill++) {
      const child = installation.start('gateway', '--config', path, '--json')
      child.stderr!.resume()
      const ready = await lineThat(lines(child), (line) => line.includes('"ready"'))
      const client = await mqtt.connectAsync((JSON.parse(ready) as { machines: string }).machines, {
        ...machine,
        reconnectPeriod: 0,
      })
      const flowing = flow(client, sent, acknowledged)
      const before = acknowledged.size
      await until(() => acknowledged.size > before + 50)
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 500))
      child.kill('SIGKILL')
      await once(child, 'exit')
      client.end(true)
      await flowing
      count('kills')
    }
    const last = installation.start('gateway', '--config', path, '--json')
    last.stderr!.resume()
    await inbox.until(() => {
      const arrived = new Set(inbox.opened.map(({ text }) => text))
      return [...acknowledged].every((text) => arrived.has(text))
    })
    check(inbox)
    count('acknowledged messages', acknowledged.size)
    count('duplicates', inbox.opened.length - new Set(inbox.opened.map(({ text }) => text)).size)
    expect(inbox.rejected).toEqual([])
  } finally {
    installation.stop()
    await plants.stop()
  }
}

/** Publishes until the connection ends, and notes what was acknowledged. */
async function flow(client: MqttClient, sent: { next: number }, acknowledged: Set<string>): Promise<void> {
  let isOpen = true
  const closed = new Promise<false>((resolve) => {
    client.once('close', () => {
      isOpen = false
      resolve(false)
    })
  })
  client.on('error', () => {})
  const worker = async () => {
    while (isOpen) {
      const text = `${sent.next++}`
      const taken = client.publishAsync(topics[Number(text) % topics.length]!, text, { qos: 1 }).then(
        () => true,
        () => false,
      )
      if (!(await Promise.race([taken, closed]))) return
      acknowledged.add(text)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
}

function check({ opened }: Inbox): void {
  const origins = new Map<string, string | null>()
  const texts = new Map<string, string>()
  const highest = new Map<string, number>()
  for (const { topic, text, message } of opened) {
    expect(message.origin).not.toBeNull()
    if (origins.has(text)) {
      expect(message.origin).toBe(origins.get(text))
      continue
    }
    // An origin is one message's alone.
    expect(texts.has(message.origin!)).toBe(false)
    origins.set(text, message.origin)
    texts.set(message.origin!, text)
    expect(Number(text)).toBeGreaterThan(highest.get(topic) ?? -1)
    highest.set(topic, Number(text))
  }
}
