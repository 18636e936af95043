import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import type { SenderCreated } from '@sealmq/protocol/api'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import mqttPacket from 'mqtt-packet'
import { expect } from 'vitest'
import type { TestAuthority } from './test-authority.ts'

type Credentials = Pick<SenderCreated, 'broker'>

/** An ordinary MQTT client of a sender, which does not come back by itself. */
export async function connectMqtt(
  authority: TestAuthority,
  { broker }: Credentials,
  options: IClientOptions = {},
): Promise<MqttClient> {
  const client = await mqtt.connectAsync(authority.running.mqttUrl, {
    ...broker,
    reconnectPeriod: 0,
    // In 5 a session that is kept has a time of its own.
    protocolVersion: options.clean === false ? 4 : authority.protocolVersion,
    ...options,
  })
  client.on('error', () => {})
  return client
}

/** The client's end, whoever wanted it. */
export const closed = (client: MqttClient): Promise<void> =>
  new Promise((resolve) => client.once('close', () => resolve()))

/** What a refused CONNECT is answered with: bad user name or password, or not authorised (MQTT 3.1.1, 3.2.2.3). */
export const refusedConnect = { code: expect.toSatisfy((code) => code === 4 || code === 5) }

/** The QoS that is granted for each filter; 128 is a refusal, whatever the reason. All in one packet. */
export const subscribe = (client: MqttClient, ...filters: string[]): Promise<number[]> =>
  new Promise((resolve) =>
    client.subscribe(filters, { qos: 1 }, (_error, _granted, packet) =>
      resolve((packet!.granted as number[]).map((code) => Math.min(code, 128))),
    ),
  )

/** Whether a publication is acknowledged, or the connection ends. */
export const accepts = (client: MqttClient, topic: string, retain = false, payload = 'x'): Promise<boolean> =>
  Promise.race([
    client.publishAsync(topic, payload, { qos: 1, retain }).then(
      () => true,
      () => false,
    ),
    closed(client).then(() => false),
  ])

/** Messages by topic as they come, one a call. */
export function inbox(client: MqttClient): () => Promise<[topic: string, text: string]> {
  const waiting: ((value: [string, string]) => void)[] = []
  const kept: [string, string][] = []
  client.on('message', (topic, payload) => {
    const message: [string, string] = [topic, payload.toString()]
    const waiter = waiting.shift()
    if (waiter) waiter(message)
    else kept.push(message)
  })
  return () => new Promise((resolve) => (kept.length > 0 ? resolve(kept.shift()!) : waiting.push(resolve)))
}

/** A bare socket to the broker's port. */
export function rawSocket(authority: TestAuthority): Socket {
  const socket = connectTcp(Number(new URL(authority.running.mqttUrl).port), '127.0.0.1')
  socket.on('error', () => {})
  return socket
}

/** A socket's end, be it in order or by a reset, at which `once` would reject. */
export const socketClosed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.once('close', () => resolve()))

/** The CONNECT packet of a sender. */
export const connectPacket = ({ broker }: Credentials, clientId: string): Buffer =>
  mqttPacket.generate({
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clean: true,
    clientId,
    keepalive: 0,
    username: broker.username,
    password: Buffer.from(broker.password),
  })

/** A subscriber on a bare socket, of which the test decides when it reads. */
export async function rawSubscriber(
  authority: TestAuthority,
  credentials: Credentials,
  clientId: string,
): Promise<Socket> {
  const socket = rawSocket(authority)
  socket.write(connectPacket(credentials, clientId))
  await once(socket, 'data')
  const subscriptions = [{ topic: 'iot/sensor', qos: 0 as const }]
  socket.write(mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions }))
  await once(socket, 'data')
  return socket
}
