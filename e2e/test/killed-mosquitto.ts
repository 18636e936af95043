import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Identity } from '@sealmq/client'
import { fileStorage } from '@sealmq/client/node'
import { expect } from 'vitest'
import type { Count } from '../../scripts/bar.ts'
import { until } from './gateway-plant.ts'
import { GovernedPlant } from './governed-plant.ts'
import { temporaryFolder } from './sealmq-process.ts'
import { Traffic, TrafficReader } from './traffic.ts'

const topic = 'iot/sensor'
const kept = { clean: false, clientIdSuffix: 'kept' }

/** A plant with traffic of three senders, and a reader that is there all the time. */
async function startTraffic() {
  const governed = await GovernedPlant.start()
  const { plant } = governed
  const there = new TrafficReader()
  const reader = await plant.connect(await plant.enrol('there'), { ...kept, on: there.listeners })
  await reader.subscribeAsync(topic, { qos: 1 })
  const writers = []
  for (const name of ['pump', 'press', 'oven']) {
    const identity = await plant.enrol(name, 'sensor')
    writers.push({ client: await plant.connect(identity), sender: identity.sender })
  }
  return { governed, plant, there, clients: [reader, ...writers.map(({ client }) => client)], writers }
}

/** Until the kills are done or the time is over; what is left out is counted. */
async function rounds(kills: number, minutes: number, count: Count, round: (kill: number) => Promise<void>) {
  const end = performance.now() + minutes * 60_000
  for (let kill = 0; kill < kills; kill++) {
    if (performance.now() > end) {
      count('kills left out for want of time', kills - kill)
      return
    }
    await round(kill)
    count('kills')
  }
}

/**
 * Kills the authority again and again under traffic over Mosquitto. Messages go on meanwhile, over connections that stay;
 * every one that was acknowledged is opened, none twice.
 */
export async function killAuthorityUnderTraffic(kills: number, minutes: number, count: Count): Promise<void> {
  const { governed, there, clients, writers } = await startTraffic()
  try {
    const online = new Set(clients)
    for (const client of clients) {
      client.on('authority', (state) => (state === 'online' ? online.add(client) : online.delete(client)))
    }
    const traffic = new Traffic(topic, writers)
    await rounds(kills, minutes, count, async () => {
      await traffic.flow(50)
      await setTimeout(Math.random() * 500)
      const killedAt = Date.now()
      await governed.killAuthority()
      const before = traffic.acknowledged.size
      await until(() => online.size === 0)
      await traffic.flow(100)
      count('acknowledged while it was away', traffic.acknowledged.size - before)
      await governed.startAuthority()
      await until(() => online.size === clients.length)
      await governed.inForce(killedAt)
    })
    await traffic.end([there])
    expect(traffic.lostTo(there), 'acknowledged and lost').toEqual([])
    there.checkOnce()
    expect([there.gaps, there.closed]).toEqual([[], 0])
    count('acknowledged messages', traffic.acknowledged.size)
  } finally {
    await governed.stop()
  }
}

/**
 * Kills Mosquitto again and again under traffic, while one reader is there and one has left its session behind. What was
 * acknowledged and is lost is told as a gap to whom it is missing; nothing is given twice; all come back by themselves.
 */
export async function killMosquittoUnderTraffic(kills: number, minutes: number, count: Count): Promise<void> {
  const { governed, plant, there, writers } = await startTraffic()
  try {
    const away = new TrafficReader()
    const storage = fileStorage(join(temporaryFolder(), 'remembered.json'))
    const identity = await plant.enrol('away')
    const comeBack = () => connectReader(governed, identity, { storage, reader: away })
    let client = await comeBack()
    const traffic = new Traffic(topic, writers)
    await rounds(kills, minutes, count, async (kill) => {
      for (const reader of [there, away]) await traffic.reach(reader)
      await client.endAsync()
      await traffic.flow(50)
      // Mosquitto saves each second: it is killed at any moment of it.
      await setTimeout(Math.random() * 1000)
      const killedAt = Date.now()
      await governed.mosquitto.end('SIGKILL')
      const withoutRights = kill % 5 === 1
      if (withoutRights) governed.mosquitto.forgetSecurity()
      await governed.mosquitto.resume()
      await governed.inForce(killedAt)
      count('of them without its file of rights', Number(withoutRights))
      client = await comeBack()
    })
    for (const reader of [there, away]) await traffic.reach(reader)
    await traffic.end([there, away])
    count('acknowledged messages', traffic.acknowledged.size)
    for (const [reader, name] of [
      [there, 'a reader that was there'],
      [away, 'one that was away'],
    ] as const) {
      const lost = traffic.lostTo(reader)
      expect(reader.untold(lost), `lost to ${name}, and no gap told it`).toEqual([])
      reader.checkOnce()
      count(`lost to ${name}, all told as gaps`, lost.length)
      count('second deliveries refused', reader.rejected.get('replayed') ?? 0)
    }
  } finally {
    await governed.stop()
  }
}

async function connectReader(
  { plant }: GovernedPlant,
  identity: Identity,
  { storage, reader }: { storage: ReturnType<typeof fileStorage>; reader: TrafficReader },
) {
  const client = await plant.connect(identity, { ...kept, storage, on: reader.listeners })
  await client.subscribeAsync(topic, { qos: 1 })
  return client
}
