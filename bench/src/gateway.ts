import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import mqtt from 'mqtt'
import type { Bar } from './bars.ts'
import { startAuthorityProcess, startMosquitto } from './brokers.ts'
import type { GatewayOrder, GatewayReady } from './gateway-process.ts'
import { table } from './table.ts'
import { topics } from './variants.ts'

/** One round: what a machine sent at QoS 1, and the rates of acknowledgement and forwarding, messages/s. */
export interface GatewayFigures {
  messages: number
  acknowledged: number
  forwarded: number
  /** µs of processor time of the gateway a message. */
  cpu: number
  /** What the same machine reached just before at Mosquitto, with no gateway and nothing sealed: how busy the computer was. */
  plain: number
}

const size = 256
const inFlight = 200

/**
 * A machine publishes for a while to a gateway in a process of its own, which keeps each message on disk, seals, signs and
 * publishes it on Mosquitto, where the envelopes are counted.
 * @param duration ms of publishing a round
 */
export async function measureGateway(duration: number, rounds: number): Promise<GatewayFigures[]> {
  const folder = await mkdtemp(join(tmpdir(), 'sealmq-bench-gateway-'))
  const authority = await startAuthorityProcess()
  const mosquitto = await startMosquitto()
  const child = fork(fileURLToPath(new URL('./gateway-process.ts', import.meta.url)), [folder])
  try {
    child.send({ identity: authority.publisher, brokerUrl: mosquitto.url } satisfies GatewayOrder)
    const { address, user, password } = (await answerOf(child)) as GatewayReady
    const eye = await mqtt.connectAsync(mosquitto.url)
    await eye.subscribeAsync(topics['sealed+signed'], { qos: 0 })
    const machine = await mqtt.connectAsync(address, { username: user, password })
    const plainTopic = topics.plain
    const direct = await mqtt.connectAsync(mosquitto.url)
    await eye.subscribeAsync(plainTopic, { qos: 0 })
    const figures: GatewayFigures[] = []
    for (let round = -1; round < rounds; round++) {
      const plain = await measureRound(direct, plainTopic, eye, duration / 2)
      const cpuBefore = await cpuOf(child)
      const through = await measureRound(machine, 'machine/value', eye, duration)
      const cpu = ((await cpuOf(child)) - cpuBefore) / through.messages
      const measured = { ...through, cpu, plain: plain.forwarded }
      // The first one warms up.
      if (round >= 0) figures.push(measured)
    }
    await direct.endAsync()
    await machine.endAsync()
    await eye.endAsync()
    return figures
  } finally {
    child.disconnect()
    await once(child, 'exit')
    await mosquitto.stop()
    await authority.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

async function measureRound(
  machine: mqtt.MqttClient,
  topic: string,
  eye: mqtt.MqttClient,
  duration: number,
): Promise<Pick<GatewayFigures, 'messages' | 'acknowledged' | 'forwarded'>> {
  let arrived = 0
  let last = 0
  const count = () => {
    arrived++
    last = performance.now()
  }
  eye.on('message', count)
  const payload = Buffer.alloc(size, 'x')
  const start = performance.now()
  let messages = 0
  const worker = async () => {
    while (performance.now() - start < duration) {
      messages++
      await machine.publishAsync(topic, payload, { qos: 1 })
    }
  }
  await Promise.all(Array.from({ length: inFlight }, worker))
  const acknowledged = performance.now() - start
  while (arrived < messages) await new Promise((resolve) => setTimeout(resolve, 5))
  eye.off('message', count)
  return {
    messages,
    acknowledged: (messages / acknowledged) * 1000,
    forwarded: (messages / (last - start)) * 1000,
  }
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu')
  return (await answerOf(child)) as number
}

/** The bar of the gateway, met by the median round. */
export function gatewayBars(figures: readonly GatewayFigures[]): Bar[] {
  const measured = figures.map(({ forwarded }) => forwarded).sort((a, b) => a - b)[Math.floor(figures.length / 2)] ?? 0
  const what = `gateway: messages/s of ${size} bytes at QoS 1, on disk, sealed, signed and forwarded (median of ${figures.length})`
  return [{ what, wanted: '≥ 3000', measured, met: measured >= 3000 }]
}

export const gatewayTable = (figures: readonly GatewayFigures[]): string =>
  table(
    ['messages', 'acknowledged/s', 'forwarded/s', 'gateway µs', 'plain, no gateway/s'],
    figures.map(({ messages, acknowledged, forwarded, cpu, plain }) => [messages, acknowledged, forwarded, cpu, plain]),
  )

function answerOf(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null) => reject(new Error(`the gateway ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message)
    })
  })
}
