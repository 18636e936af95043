import type mqtt from 'mqtt'
import { expect } from 'vitest'
import type { Count } from '../../../scripts/bar.ts'
import type { AuthorityProcess } from './authority-process.ts'
import { connectMqtt, rawSubscriber, socketClosed } from './mqtt-connection.ts'
import type { TestAuthority } from './test-authority.ts'

/** What may wait for one consumer (1 MiB), what the message in hand takes, and room for the garbage collector. */
const perConsumer = 4 * 1024 * 1024
const room = 150 * 1024 * 1024

/** Subscribers that stop reading are dropped; the others get every message, and memory stays bounded. */
export async function freezeSubscribers(
  authority: TestAuthority<AuthorityProcess>,
  frozen: number,
  messages: number,
  count: Count,
): Promise<void> {
  const member = await authority.createMember('pump', 'sensor')
  const sender = await authority.addSender(member.token)
  const sockets = await Promise.all(
    Array.from({ length: frozen }, (_, index) => rawSubscriber(authority, sender, `frozen-${index}`)),
  )
  for (const socket of sockets) socket.pause()
  const readers = await Promise.all(
    Array.from({ length: 5 }, (_, index) => connectMqtt(authority, sender, { clientId: `reader-${index}` })),
  )
  const heard = readers.map((reader) => {
    const numbers: number[] = []
    const all = new Promise<void>((resolve) => {
      reader.on('message', (_topic, payload) => {
        numbers.push(payload.readUInt32BE())
        if (numbers.length >= messages) resolve()
      })
      reader.on('close', () => resolve())
    })
    return { numbers, all }
  })
  for (const reader of readers) await reader.subscribeAsync('iot/sensor', { qos: 1 })
  const writer = await connectMqtt(authority, sender, { clientId: 'writer' })
  const before = authority.running.memory()
  const ended = sockets.map((socket) => socketClosed(socket))
  for (let index = 0; index < messages; index++) {
    const payload = Buffer.alloc(100_000)
    payload.writeUInt32BE(index)
    await writer.publishAsync('iot/sensor', payload, { qos: 1 })
    count('messages under frozen subscribers')
  }
  await Promise.all(heard.map(({ all }) => all))
  const peak = authority.running.peakMemory() - before
  for (const socket of sockets) socket.resume()
  await Promise.all(ended)
  count('frozen subscribers dropped', frozen)
  const expected = Array.from({ length: messages }, (_, index) => index)
  for (const { numbers } of heard) expect(numbers).toEqual(expected)
  expect(peak).toBeLessThan(frozen * perConsumer + room)
  for (const client of [...readers, writer] as mqtt.MqttClient[]) client.end(true)
}
