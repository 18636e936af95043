import { once } from 'node:events'
import type { SenderCreated } from '@sealmq/protocol/api'
import mqttPacket from 'mqtt-packet'
import { expect } from 'vitest'
import type { Count } from '../../../scripts/bar.ts'
import { pseudoRandom } from '../../protocol/test/mutation.ts'
import type { AuthorityProcess } from './authority-process.ts'
import { connectMqtt, connectPacket, inbox, rawSocket, socketClosed } from './mqtt-connection.ts'
import type { TestAuthority } from './test-authority.ts'

type Authority = TestAuthority<AuthorityProcess>

const megabyte = 1024 * 1024
/** How much the authority may hold afterwards that it did not hold before: caches, and sessions that were made by chance. */
const boundedMemory = 64 * megabyte
/** How much its memory may grow with connections that are open and not finished. */
const boundedPeak = 250 * megabyte
const parallel = 40

/** One packet of every kind that a client may send, and some that it may not. */
function validPackets(): Buffer[] {
  const message = { topic: 'iot/sensor', payload: 'x', dup: false, retain: false }
  return [
    mqttPacket.generate({ cmd: 'publish', ...message, qos: 0 }),
    mqttPacket.generate({ cmd: 'publish', ...message, qos: 1, messageId: 7 }),
    mqttPacket.generate({ cmd: 'publish', ...message, qos: 2, messageId: 8 }),
    mqttPacket.generate({ cmd: 'puback', messageId: 9 }),
    mqttPacket.generate({ cmd: 'pubrec', messageId: 9 }),
    mqttPacket.generate({ cmd: 'pubrel', messageId: 8 }),
    mqttPacket.generate({ cmd: 'pubcomp', messageId: 9 }),
    mqttPacket.generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: 'iot/sensor', qos: 1 }] }),
    mqttPacket.generate({ cmd: 'unsubscribe', messageId: 2, unsubscriptions: ['iot/sensor'] }),
    mqttPacket.generate({ cmd: 'pingreq' }),
    mqttPacket.generate({ cmd: 'suback', messageId: 1, granted: [0] }),
    mqttPacket.generate({ cmd: 'connack', returnCode: 0, sessionPresent: false }),
    mqttPacket.generate({ cmd: 'pingresp' }),
    mqttPacket.generate({ cmd: 'disconnect' }),
  ]
}

/**
 * Sends what no client sends, each on a connection of its own: random bytes, packets cut off, packets altered; before and
 * after a right CONNECT. The broker lives, its memory is bounded, and it carries good messages afterwards.
 * @param until no further connection is begun after this time (performance.now)
 */
export async function sendMalformed(
  authority: Authority,
  connections: number,
  until: number,
  count: Count,
): Promise<void> {
  const sender = await senderOf(authority, 'malformed')
  const random = pseudoRandom(20_260_102)
  const packets = validPackets()
  await checkHealth(authority, sender)
  const before = await authority.running.liveMemory()
  let begun = 0
  const worker = async () => {
    while (begun < connections && performance.now() < until) {
      const index = begun++
      await oneConnection(authority, malformed(index, random, packets, connectPacket(sender, `m${index}`)))
      count('malformed connections')
    }
  }
  await Promise.all(Array.from({ length: parallel }, worker))
  expect(authority.running.running).toBe(true)
  expect((await authority.running.liveMemory()) - before).toBeLessThan(boundedMemory)
  await checkHealth(authority, sender)
}

function malformed(index: number, random: (below: number) => number, packets: Buffer[], connect: Buffer): Buffer {
  const bytes = (length: number) => Buffer.from(Array.from({ length }, () => random(256)))
  const altered = (packet: Buffer) => {
    const copy = Buffer.from(packet)
    for (let left = 1 + random(3); left > 0; left--) copy[random(copy.length)]! ^= 1 + random(255)
    return copy
  }
  const some = () => packets[random(packets.length)]!
  const cut = (packet: Buffer) => packet.subarray(0, random(packet.length))
  switch (index % 7) {
    case 0:
      return bytes(1 + random(300))
    case 1:
      return altered(connect)
    case 2:
      return cut(connect)
    case 3:
      return Buffer.concat([connect, bytes(1 + random(300))])
    case 4:
      return Buffer.concat([connect, altered(some()), some()])
    case 5:
      return Buffer.concat([connect, some(), cut(some())])
    default:
      return Buffer.concat([some(), connect, connect, altered(some())])
  }
}

/** Writes, says that no more comes, and waits until the broker is through with it. */
async function oneConnection(authority: Authority, bytes: Buffer): Promise<void> {
  const socket = rawSocket(authority)
  const ended = socketClosed(socket)
  socket.resume()
  socket.end(bytes)
  await ended
}

/**
 * Connections that never finish: CONNECTs that come byte by byte, and large packets of which the end does not come. The
 * first are ended by the broker, the others cost no more than their bytes; everybody else is served meanwhile.
 */
export async function dripSlowly(authority: Authority, connections: number, count: Count): Promise<void> {
  const sender = await senderOf(authority, 'dripping')
  await checkHealth(authority, sender)
  const before = authority.running.memory()
  const halves = await Promise.all(
    Array.from({ length: connections }, async (_, index) => {
      const socket = rawSocket(authority)
      socket.write(connectPacket(sender, `half-${index}`))
      await once(socket, 'data')
      // A PUBLISH of 1,000,000 bytes, of which 100,000 come.
      socket.write(Buffer.concat([Buffer.of(0x30, 0xc0, 0x84, 0x3d), Buffer.alloc(100_000, 1)]))
      count('packets without an end')
      return socket
    }),
  )
  const dripping = Array.from({ length: connections }, async (_, index) => {
    const socket = rawSocket(authority)
    const packet = connectPacket(sender, `drip-${index}-${'x'.repeat(2_000)}`)
    let sent = 0
    const timer = setInterval(() => {
      socket.write(packet.subarray(sent, ++sent))
      if (sent === packet.length) socket.destroy()
    }, 50)
    socket.resume()
    await socketClosed(socket)
    clearInterval(timer)
    expect(sent, 'the broker waited for all of it').toBeLessThan(packet.length)
    count('dripped connections ended')
  })
  await checkHealth(authority, sender)
  await Promise.all(dripping)
  expect(authority.running.memory() - before).toBeLessThan(boundedPeak)
  for (const socket of halves) socket.destroy()
  await checkHealth(authority, sender)
}

async function senderOf(authority: Authority, name: string): Promise<SenderCreated> {
  return authority.addSender((await authority.createMember(name, 'sensor')).token)
}

/** A message of its own comes back, and the API answers. */
async function checkHealth(authority: Authority, sender: SenderCreated): Promise<void> {
  const client = await connectMqtt(authority, sender, { clientId: 'healthy' })
  const next = inbox(client)
  await client.subscribeAsync('iot/sensor', { qos: 1 })
  await client.publishAsync('iot/sensor', 'healthy', { qos: 1 })
  // Messages that the malformed packets happened to hold whole may come before.
  for (let text = ''; text !== 'healthy'; ) [, text] = await next()
  await client.endAsync()
  expect(await authority.ask('GET', '/readyz')).toMatchObject({ status: 200 })
}
