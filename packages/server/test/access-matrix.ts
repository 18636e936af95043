import { fromBase64url, HeldKeyring, MessageSealer, SealError } from '@sealmq/protocol'
import { type DeploymentInfo, routes, type SenderCreated } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import mqtt, { type MqttClient } from 'mqtt'
import { expect } from 'vitest'
import type { Count } from '../../../scripts/bar.ts'
import { accepts, connectMqtt, subscribe } from './mqtt-connection.ts'
import type { TestAuthority } from './test-authority.ts'

/** A channel of the matrix: what the broker and the keys must be about. */
interface Channel {
  name: string
  filters: string[]
}
interface Role {
  name: string
  publish: string[]
  subscribe: string[]
}

const channels: Channel[] = [
  { name: 'temperatures', filters: ['plant/+/temperature'] },
  { name: 'area', filters: ['area/#'] },
  { name: 'exact', filters: ['one/two', 'one/three'] },
  { name: 'deep', filters: ['a/+/+/d'] },
]
const topics = [
  ...['iot/login', 'iot/sensor', 'iot/control', 'iot/admin', 'iot/other', 'iot/sensor/below', 'iot', 'iot/'],
  ...['plant/1/temperature', 'plant//temperature', 'plant/1/pressure', 'plant/temperature', 'plant/1/2/temperature'],
  ...['area', 'area/', 'area/x', 'area/x/y', 'areas', 'one/two', 'one/three', 'one/four', 'One/two', 'one'],
  ...['a/b/c/d', 'a///d', 'a/b/d', 'a/b/c/d/e', '/iot/sensor', '/', '$SYS/x', '$SYS', '$share/g/iot/sensor'],
]
const filters = [
  ...topics,
  ...['#', '+', '+/#', '/#', '+/+', 'iot/#', 'iot/+', '+/sensor', 'iot/sensor/#', 'iot/sensor/+', 'plant/#'],
  ...['plant/+/temperature', 'plant/1/+', 'plant/+/+', 'plant/+/temperature/#', 'area/#', 'area/+', 'area/+/#'],
  ...['area/x/#', '+/x', 'one/+', 'one/#', 'a/+/+/d', 'a/+/c/d', 'a/+/+/+', 'a/#', '$SYS/#', '$SYS/+', '$share/g/#'],
  ...[
    '$share/g/area/#',
    '$share/g/iot/+',
    '$share/+/iot/sensor',
    '$queue/iot/sensor',
    '$/x',
    'area/#/x',
    'a+/b',
    '#/x',
  ],
]

/**
 * The oracle, written from the standard's text (MQTT 3.1.1, 4.7) with regular expressions and by trying topics, and not with
 * the product's code. `+` is one level, `#` any number of levels with its parent; neither reaches what begins with `$`.
 */
const pattern = (filter: string) => {
  const levels = filter.split('/').map((level) => level.replaceAll(/[$.*?^()[\]{}|\\]/g, '\\$&'))
  const body = levels.map((level) => (level === '+' ? '[^/]*' : level)).join('/')
  const withParent = body === '#' ? '.*' : body.replace(/\/#$/, '(/.*)?')
  return new RegExp(`^${/^[+#]/.test(filter) ? '(?!\\$)' : ''}${withParent}$`, 's')
}
const isFilter = (filter: string) =>
  filter !== '' &&
  filter
    .split('/')
    .every((level, at, all) => !/[+#]/.test(level) || level === '+' || (level === '#' && at === all.length - 1))

// Every topic, up to one level deeper than both filters, out of their own levels, an empty one and one that occurs nowhere.
function* topicsAround(...around: string[]): Generator<string> {
  const split = around.map((filter) => filter.split('/'))
  const words = [...new Set([...split.flat().filter((level) => level !== '+' && level !== '#'), '', 'elsewhere'])]
  let depth = words
  for (let left = Math.max(...split.map(({ length }) => length)); left >= 0; left--) {
    yield* depth
    depth = depth.flatMap((head) => words.map((word) => `${head}/${word}`))
  }
}

const decided = new Map<string, boolean>()
function within(filter: string, granted: string): boolean {
  const known = decided.get(`${filter} ${granted}`)
  if (known !== undefined) return known
  const [asked, held] = [pattern(filter), pattern(granted)]
  const exact = !/[+#]/.test(filter)
  const answer = exact
    ? held.test(filter)
    : topicsAround(filter, granted).every((topic) => !asked.test(topic) || held.test(topic))
  decided.set(`${filter} ${granted}`, answer)
  return answer
}

class Oracle {
  readonly #filters: Map<string, string[]>
  readonly #role: Role

  constructor(all: readonly Channel[], role: Role) {
    this.#filters = new Map(all.map(({ name, filters: held }) => [name, held]))
    this.#role = role
  }

  mayPublish(topic: string): boolean {
    if (topic === '' || topic.startsWith('$') || /[+#]/.test(topic)) return false
    return this.#of(this.#role.publish).some((filter) => pattern(filter).test(topic))
  }

  mayReceive(topic: string): boolean {
    return this.#of(this.#role.subscribe).some((filter) => pattern(filter).test(topic))
  }

  maySubscribe(filter: string): boolean {
    return (
      isFilter(filter) &&
      !filter.startsWith('$') &&
      this.#of(this.#role.subscribe).some((granted) => within(filter, granted))
    )
  }

  #of(names: readonly string[]): string[] {
    return names.flatMap((name) => this.#filters.get(name) ?? [])
  }
}

const original: Role[] = [
  {
    name: 'admin',
    publish: ['login', 'sensor', 'control', 'admin'],
    subscribe: ['login', 'sensor', 'control'],
  },
  { name: 'sensor', publish: ['sensor', 'control'], subscribe: ['sensor'] },
  { name: 'controller', publish: [], subscribe: ['control'] },
  { name: 'viewer', publish: [], subscribe: ['login'] },
]

/** The original's four roles and generated ones, each against the oracle on the broker, and the broker against the keys. */
export async function checkAccess(authority: TestAuthority, generated: number, count: Count): Promise<void> {
  for (const channel of channels) {
    expect(await authority.askAdmin('POST', routes.channels, channel)).toMatchObject({ status: 201 })
  }
  const names = ['login', 'sensor', 'control', 'admin', ...channels.map(({ name }) => name)]
  const all = [
    ...['login', 'sensor', 'control', 'admin'].map((name) => ({ name, filters: [`iot/${name}`] })),
    ...channels,
  ]
  const roles = [...original]
  for (let index = 0; index < generated; index++) {
    // Each channel in turn is not granted, granted to publish, to subscribe, or both.
    const right = (at: number) => ((index + 1) * (2 * at + 3) + Math.floor(index / 4) * at) % 4
    const role = {
      name: `generated-${index}`,
      publish: names.filter((_, at) => right(at) & 1),
      subscribe: names.filter((_, at) => right(at) & 2),
    }
    const grants = [
      ...role.publish.map((channel) => ({ channel, right: 'publish' })),
      ...role.subscribe.map((channel) => ({ channel, right: 'subscribe' })),
    ]
    expect(await authority.askAdmin('POST', routes.roles, { name: role.name, grants })).toMatchObject({ status: 201 })
    roles.push(role)
  }
  const watcher = await everything(authority, names)
  for (const role of roles) {
    const member = await authority.createMember(`is-${role.name}`, role.name)
    const sender = await authority.addSender(member.token)
    const oracle = new Oracle(all, role)
    await checkKeys(authority, sender, oracle, count)
    await checkPublishing(authority, sender, oracle, watcher, count)
    await checkSubscribing(authority, sender, oracle, watcher, count)
    count('roles')
  }
  watcher.end(true)
}

/** Who may do everything: it hears what got through, and sends what others must not hear. */
async function everything(authority: TestAuthority, names: readonly string[]): Promise<MqttClient> {
  const grants = names.flatMap((channel) => ['publish', 'subscribe'].map((right) => ({ channel, right })))
  await authority.askAdmin('POST', routes.roles, { name: 'everything', grants })
  const { token } = await authority.createMember('watcher', 'everything')
  const client = await connectMqtt(authority, await authority.addSender(token), { clientId: 'watcher' })
  client.setMaxListeners(0)
  return client
}

/** The keys say what the broker must say: sealing key or epoch key exactly for what may be published or read. */
async function checkKeys(authority: TestAuthority, sender: SenderCreated, oracle: Oracle, count: Count): Promise<void> {
  const { body } = await authority.ask<DeploymentInfo>('GET', routes.deployment)
  const held = new HeldKeyring({
    cryptography: nodeCryptography,
    deployment: fromBase64url(body.deployment),
    authorityKey: fromBase64url(body.authorityKey),
    sender: sender.sender,
    monotonic: () => performance.now(),
  })
  await held.apply(await authority.keyring(sender.token))
  const signingKey = await nodeCryptography.generateSigningKey('ES256')
  const sealer = new MessageSealer({ keyring: held, cryptography: nodeCryptography, signingKey })
  for (const topic of topics) {
    const epochs = topic.startsWith('$') ? [] : [...(held.channelOf(topic)?.epochs.values() ?? [])]
    const mayRead = epochs.some(({ mayOpen }) => mayOpen)
    const maySeal = allows(() => sealer.check(topic))
    expect(mayRead, `key to read ${topic}`).toBe(oracle.mayReceive(topic))
    expect(maySeal, `right to seal ${topic}`).toBe(oracle.mayPublish(topic))
    count('key questions', 2)
  }
}

function allows(check: () => void): boolean {
  try {
    check()
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(SealError)
    return false
  }
}

async function checkPublishing(
  authority: TestAuthority,
  sender: SenderCreated,
  oracle: Oracle,
  watcher: MqttClient,
  count: Count,
): Promise<void> {
  const heard = new Set<string>()
  const listen = (topic: string, payload: Buffer) => heard.add(`${topic} ${payload}`)
  watcher.on('message', listen)
  const watched = topics.filter((topic) => !topic.startsWith('$'))
  await subscribe(watcher, ...watched)
  for (const topic of topics) {
    const may = oracle.mayPublish(topic)
    for (const [what, retain] of [
      ['publish', false],
      ['retained', true],
    ] as const) {
      const client = await connectMqtt(authority, sender, { clientId: 'publisher' })
      expect(await accepts(client, topic, retain, what), `${what} on ${topic}`).toBe(may)
      await client.endAsync(true)
      count('publications')
    }
    const will = { topic, payload: Buffer.from('will'), qos: 1 as const, retain: false }
    const dying = await mqtt
      .connectAsync(authority.running.mqttUrl, { ...sender.broker, clientId: 'dying', will, reconnectPeriod: 0 })
      .catch(() => null)
    // A broker apart takes the connection, and must not publish the will: what is heard is compared below.
    if (may || !authority.options.broker) expect(dying !== null, `will on ${topic}`).toBe(may)
    count('wills')
    if (!dying) continue
    dying.on('error', () => {})
    if (!may) {
      dying.stream.destroy()
      continue
    }
    const arrives = waitFor(watcher, () => heard.has(`${topic} will`))
    dying.stream.destroy()
    await arrives
  }
  // Its answer comes after everything that the broker had for the watcher before.
  await subscribe(watcher, 'iot/sensor')
  watcher.off('message', listen)
  const wanted = topics
    .filter((topic) => oracle.mayPublish(topic))
    .flatMap((topic) => ['publish', 'retained', 'will'].map((what) => `${topic} ${what}`))
  // The watcher's role does not hold what no channel holds; nothing can be heard there.
  expect([...heard].filter((message) => !message.endsWith('sent by watcher')).sort()).toEqual(wanted.sort())
  for (const topic of watched) await watcher.unsubscribeAsync(topic)
  // What was retained must not be met by the next role.
  for (const topic of topics.filter((name) => oracle.mayPublish(name))) {
    await watcher.publishAsync(topic, '', { qos: 1, retain: true })
  }
}

const waitFor = async (client: MqttClient, holds: () => boolean) => {
  while (!holds()) await new Promise<void>((resolve) => client.once('message', () => resolve()))
}

async function checkSubscribing(
  authority: TestAuthority,
  sender: SenderCreated,
  oracle: Oracle,
  watcher: MqttClient,
  count: Count,
): Promise<void> {
  const expected = filters.map((filter) => (oracle.maySubscribe(filter) ? 1 : 128))
  const wellFormed = filters.filter(isFilter)
  for (const [index, filter] of filters.entries()) {
    if (!isFilter(filter)) continue
    const client = await connectMqtt(authority, sender, { clientId: 'one' })
    expect(await subscribe(client, filter), `subscribe ${filter}`).toEqual([expected[index]])
    await client.endAsync(true)
    count('subscriptions')
  }
  // All of them in one packet: the refused ones refuse no other, and what is heard is what may be heard, once.
  const client = await connectMqtt(authority, sender, { clientId: 'many' })
  const heard: string[] = []
  client.on('message', (topic) => heard.push(topic))
  expect(await subscribe(client, ...wellFormed)).toEqual(
    wellFormed.map((filter) => (oracle.maySubscribe(filter) ? 1 : 128)),
  )
  count('many filters in one packet')
  const sent = topics.filter((topic) => topicIsHeld(topic))
  for (const topic of sent) await watcher.publishAsync(topic, 'sent by watcher', { qos: 1 })
  await subscribe(client, 'iot/sensor')
  expect([...new Set(heard)].sort()).toEqual(sent.filter((topic) => oracle.mayReceive(topic)).sort())
  count('deliveries decided', sent.length)
  await client.endAsync(true)
}

const heldFilters = [
  ...['login', 'sensor', 'control', 'admin'].map((name) => `iot/${name}`),
  ...channels.flatMap(({ filters: own }) => own),
]
const topicIsHeld = (topic: string) =>
  !topic.startsWith('$') && heldFilters.some((filter) => pattern(filter).test(topic))
