import { type MemberInfo, routes, type SenderCreated } from '@sealmq/protocol/api'
import mqtt, { type MqttClient } from 'mqtt'
import { expect } from 'vitest'
import type { Count } from '../../../scripts/bar.ts'
import { closed, connectMqtt, refusedConnect, subscribe } from './mqtt-connection.ts'
import type { TestAuthority } from './test-authority.ts'

const at = (route: string, id: string | number) => route.replace(':id', encodeURIComponent(id))
const topic = 'iot/sensor'

/** The ways to take from somebody the right to read; whether it may still connect afterwards. */
const ways: {
  name: string
  connects: boolean
  revoke: (authority: TestAuthority, victim: Victim) => Promise<{ status: number }>
}[] = [
  {
    name: 'member',
    connects: false,
    revoke: (authority, { member }) => authority.askAdmin('DELETE', at(routes.member, member.id)),
  },
  {
    name: 'sender',
    connects: false,
    revoke: (authority, { sender }) => authority.askAdmin('DELETE', at(routes.sender, sender.sender)),
  },
  {
    name: 'role',
    connects: true,
    revoke: (authority, { member }) =>
      authority.askAdmin('PATCH', at(routes.member, member.id), { roles: ['controller'] }),
  },
  {
    name: 'grant',
    connects: true,
    revoke: (authority, { role }) => authority.askAdmin('PATCH', at(routes.role, role), { grants: [] }),
  },
]

interface Victim {
  member: MemberInfo
  sender: SenderCreated
  role: string
}

/**
 * Revokes readers in every way, while one connection of theirs is live, a durable one is away with messages queued for it,
 * and one comes for what is retained. What is published after the answer to the revocation reaches none of them.
 */
export async function revokeReaders(authority: TestAuthority, rounds: number, count: Count): Promise<void> {
  const writer = await connectMqtt(authority, await authority.addSender(authority.admin), { clientId: 'writer' })
  for (let round = 0; round < rounds; round++) {
    const way = ways[round % ways.length]!
    const victim = await enrol(authority, `reader-${round}`)
    await revokeOne(authority, way, victim, writer, `round ${round}, ${way.name}`, count)
    count(`${way.name}s revoked`)
  }
  writer.end(true)
}

async function enrol(authority: TestAuthority, name: string): Promise<Victim> {
  const grants = [{ channel: 'sensor', right: 'subscribe' }]
  expect(await authority.askAdmin('POST', routes.roles, { name, grants })).toMatchObject({ status: 201 })
  const member = await authority.createMember(name, name)
  return { member, sender: await authority.addSender(member.token), role: name }
}

async function revokeOne(
  authority: TestAuthority,
  way: (typeof ways)[number],
  victim: Victim,
  writer: MqttClient,
  what: string,
  count: Count,
): Promise<void> {
  const publish = async (text: string, retain = false) => {
    await writer.publishAsync(topic, `${what}: ${text}`, { qos: 1, retain })
  }
  const durable = { clientId: 'durable', clean: false }
  const away = await connectMqtt(authority, victim.sender, durable)
  expect(await subscribe(away, topic)).toEqual([1])
  await away.endAsync()
  const heard: string[] = []
  const listen = (client: MqttClient) => client.on('message', (_topic, payload) => heard.push(payload.toString()))
  const live = await connectMqtt(authority, victim.sender, { clientId: 'live' })
  listen(live)
  expect(await subscribe(live, topic)).toEqual([1])
  const arrived = new Promise<void>((resolve) => {
    live.on('message', (_topic, payload) => {
      if (payload.toString() === `${what}: retained`) resolve()
    })
  })
  await publish('queued and heard')
  await publish('retained', true)
  // Its acknowledgement may come before what it is: brokers deliver apart from that.
  await arrived
  expect(heard.slice(-2)).toEqual([`${what}: queued and heard`, `${what}: retained`])
  heard.length = 0
  const dropped = closed(live)
  const { status } = await way.revoke(authority, victim)
  expect([200, 204], what).toContain(status)
  // A broker apart has taken the change a moment after the answer at most.
  if (authority.options.broker) await dropped
  // Published from now on: live, and into the queue of the durable session if it still stands.
  for (let message = 0; message < 5; message++) await publish(`afterwards ${message}`)
  await publish('retained afterwards', true)
  await dropped
  expect(heard, `${what}: live`).toEqual([])
  count('live')
  await comeBack(authority, way, victim, durable, heard, what)
  expect(heard, `${what}: queued for the durable session`).toEqual([])
  count('durable with a queue')
  await comeBack(authority, way, victim, { clientId: 'fresh', clean: true }, heard, what)
  expect(heard, `${what}: retained`).toEqual([])
  count('retained')
  await publish('', true)
}

/** Connects again, if that is still allowed, asks for the topic, and hears what comes before the answers. */
async function comeBack(
  authority: TestAuthority,
  { connects }: (typeof ways)[number],
  { sender }: Victim,
  options: { clientId: string; clean: boolean },
  heard: string[],
  what: string,
): Promise<void> {
  const attempt = { ...sender.broker, ...options, reconnectPeriod: 0 }
  if (!connects) {
    await expect(mqtt.connectAsync(authority.running.mqttUrl, attempt), what).rejects.toMatchObject(refusedConnect)
    return
  }
  const client = mqtt.connect(authority.running.mqttUrl, attempt)
  client.on('message', (_topic, payload) => heard.push(payload.toString()))
  await new Promise<void>((resolve) => client.once('connect', () => resolve()))
  expect(await subscribe(client, topic), what).toEqual([128])
  await answered(client)
  await client.endAsync(true)
}

/** An answer of the broker: whatever it had sent before has come. */
const answered = (client: MqttClient) => subscribe(client, 'no/such/topic')
