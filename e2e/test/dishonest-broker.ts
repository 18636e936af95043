import { AuthorityClient, type Identity, type SealedClient } from '@sealmq/client'
import { fromBase64url, HeldKeyring, MessageOpener, ReplayState, SealError } from '@sealmq/protocol'
import { type ChannelInfo, type MemberInfo, routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import mqtt, { type MqttClient } from 'mqtt'
import { expect } from 'vitest'
import type { Count } from '../../scripts/bar.ts'
import { Mosquitto } from './mosquitto.ts'
import { Inbox, Plant } from './plant.ts'

const at = (route: string, id: string | number) => route.replace(':id', encodeURIComponent(id))
const topic = 'iot/sensor'

/** A reader that keeps everything it ever got, and is handed everything by the broker. */
class Thief {
  readonly #opener: MessageOpener
  readonly opened: string[] = []
  readonly refused: string[] = []

  private constructor(keyring: HeldKeyring) {
    this.#opener = new MessageOpener({ keyring, cryptography: nodeCryptography, replay: new ReplayState() })
  }

  static async of(plant: Plant, identity: Identity): Promise<Thief> {
    const keyring = new HeldKeyring({
      cryptography: nodeCryptography,
      deployment: fromBase64url(identity.deployment),
      authorityKey: fromBase64url(identity.authorityKey),
      sender: identity.sender,
      monotonic: () => performance.now(),
    })
    await keyring.apply(await new AuthorityClient({ url: plant.url, token: identity.token }).keyring())
    return new Thief(keyring)
  }

  /** Tries what the broker hands over; the empty message that clears a retained one is nothing to try. */
  listen(client: MqttClient): void {
    client.on('message', (_topic, envelope, { retain }) => {
      if (envelope.length > 0) void this.#try(envelope, retain)
    })
  }

  async #try(envelope: Uint8Array, retained: boolean): Promise<void> {
    try {
      const { payload } = await this.#opener.open(topic, envelope, { retained })
      this.opened.push(new TextDecoder().decode(payload))
    } catch (error) {
      if (!(error instanceof SealError)) throw error
      this.refused.push(error.code)
    }
  }
}

const ways: [name: string, revoke: (plant: Plant, thief: Identity & { member: string }) => Promise<unknown>][] = [
  ['members', (plant, { member }) => plant.admin.request('DELETE', at(routes.member, member))],
  ['senders', (plant, { sender }) => plant.admin.request('DELETE', at(routes.sender, sender))],
  [
    'roles',
    (plant, { member }) =>
      plant.admin.request<MemberInfo>('PATCH', at(routes.member, member), { roles: ['controller'] }),
  ],
]

/** On a broker that is open to all, a revoked reader opens nothing sealed by a publisher that has learned of it. */
export async function revokeUnderDishonestBroker(rounds: number, count: Count): Promise<void> {
  const mosquitto = await Mosquitto.start()
  const plant = await Plant.start()
  try {
    const brokerUrl = mosquitto.url
    const writer = await plant.connect(await plant.enrol('writer'), { brokerUrl })
    const honest = await plant.connect(await plant.enrol('honest'), { brokerUrl })
    const inbox = new Inbox(honest)
    await honest.subscribeAsync(topic, { qos: 1 })
    for (let round = 0; round < rounds; round++) {
      const [name, revoke] = ways[round % ways.length]!
      await revokeOne(plant, brokerUrl, writer, inbox, `thief-${round}`, revoke)
      count(`${name} revoked`)
      count('live, durable, retained', 3)
    }
    expect(inbox.rejected).toEqual([])
  } finally {
    await plant.stop()
    await mosquitto.kill()
  }
}

async function revokeOne(
  plant: Plant,
  brokerUrl: string,
  writer: SealedClient,
  inbox: Inbox,
  name: string,
  revoke: (typeof ways)[number][1],
): Promise<void> {
  const identity = await plant.enrol(name, 'sensor')
  const thief = await Thief.of(plant, identity)
  const sessions = { clientId: name, clean: false }
  const away = await plant.connectPlain(brokerUrl, sessions)
  await away.subscribeAsync(topic, { qos: 1 })
  await away.endAsync()
  const live = await plant.connectPlain(brokerUrl)
  thief.listen(live)
  await live.subscribeAsync(topic, { qos: 1 })
  const publish = async (text: string, retain = false) => {
    const { epoch } = await writer.publishAsync(topic, `${name}: ${text}`, { qos: 1, retain })
    expect((await inbox.next()).text).toBe(`${name}: ${text}`)
    await answered(live)
    return epoch
  }
  await publish('before')
  expect(thief.opened).toEqual([`${name}: before`])
  await revoke(plant, identity)
  const { epoch } = await plant.admin.request<ChannelInfo>('GET', at(routes.channel, 'sensor'))
  // What it sealed before it learned of the new epoch may be opened; from the first one afterwards nothing may.
  let unaware = 1
  while ((await publish('live')) !== epoch) unaware++
  expect(await publish('retained', true)).toBe(epoch)
  const durable = mqtt.connect(brokerUrl, { ...sessions, reconnectPeriod: 0 })
  let queued = 0
  thief.listen(durable.on('message', () => queued++))
  await new Promise<void>((resolve) => durable.once('connect', () => resolve()))
  await answered(durable)
  expect(queued).toBe(unaware + 2)
  const fresh = await plant.connectPlain(brokerUrl)
  let retained = 0
  thief.listen(fresh.on('message', () => retained++))
  await fresh.subscribeAsync(topic, { qos: 1 })
  await answered(fresh)
  expect(retained).toBe(1)
  expect(thief.opened).toHaveLength(unaware)
  // Replayed: what it opened before it came out of the queue.
  expect(thief.refused.filter((code) => code !== 'replayed')).toEqual(Array(5).fill('unknown-key'))
  await durable.endAsync()
  await plant.connectPlain(brokerUrl, { clientId: name, clean: true }).then((client) => client.endAsync())
  await fresh.publishAsync(topic, '', { qos: 1, retain: true })
  for (const client of [live, fresh]) await client.endAsync()
}

/** An answer of the broker: whatever it had sent before has come. */
const answered = async (client: MqttClient) => {
  await client.subscribeAsync('no/such/topic')
}
