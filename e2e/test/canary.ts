import { createPrivateKey, randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Identity } from '@sealmq/client'
import { expect } from 'vitest'
import { storedByBroker } from '../../packages/server/test/broker-store.ts'
import type { Count } from '../../scripts/bar.ts'
import { Mosquitto } from './mosquitto.ts'
import { Inbox, Plant } from './plant.ts'
import { RecordingProxy } from './recording-proxy.ts'
import { ended, Installation, serve, temporaryFolder } from './sealmq-process.ts'
import { SecretSearch } from './secret-search.ts'

/** What a broker holds, has written, and has carried. */
type Found = Map<string, Buffer>

/**
 * Publishes canaries in every way (live, queued, retained, will, over MQTT), and then looks for them and for every key in all
 * that the broker has: its stored state, its log, and the bytes that it carried.
 */
export async function searchEmbedded(messages: number, count: Count): Promise<void> {
  const data = temporaryFolder()
  const installation = new Installation()
  const { child, http, mqtt, setupCode } = await serve(installation, data, '--log-level', 'debug')
  let log = ''
  child.stderr!.on('data', (chunk) => {
    log += chunk
  })
  const close = async () => {
    child.kill('SIGTERM')
    await ended(child)
  }
  const proxy = await RecordingProxy.start(mqtt)
  const plant = await Plant.around({ httpUrl: http, mqttUrl: mqtt, setupCode, caFile: null, close })
  const secrets = await publishCanaries(plant, proxy.url, messages)
  // A refusal, so that the log has something to say.
  await expect(plant.connectPlain(proxy.url)).rejects.toThrow()
  await plant.stop()
  const stored = await storedByBroker(join(data, 'broker'))
  const found = await readFolder(join(data, 'broker'))
  found.set('stored rows', Buffer.concat([...stored.values, ...stored.keys.map((key) => Buffer.from(key))]))
  found.set('log', Buffer.from(log))
  search(found, proxy, secrets, count)
  installation.stop()
}

/** The same on Mosquitto, with all of its log and its database. */
export async function searchMosquitto(messages: number, count: Count): Promise<void> {
  const mosquitto = await Mosquitto.start()
  const proxy = await RecordingProxy.start(mosquitto.url)
  const plant = await Plant.start()
  const secrets = await publishCanaries(plant, proxy.url, messages)
  await mosquitto.stop()
  await plant.stop()
  const found = await readFolder(mosquitto.folder)
  found.set('log', Buffer.from(mosquitto.log.join('\n')))
  search(found, proxy, secrets, count)
}

/** What no broker may have. */
export interface Secrets {
  canaries: string[]
  keys: Uint8Array[]
}

/** Publishes canaries in every way, and reads them again as a member that may. @returns them, and the keys of all who took part */
export async function publishCanaries(plant: Plant, brokerUrl: string, messages: number): Promise<Secrets> {
  const canaries: string[] = []
  const canary = () => {
    const text = `CANARY-${randomBytes(12).toString('hex')}`
    canaries.push(text)
    return text
  }
  const pump = await plant.enrol('pump', 'sensor')
  const reader = await plant.enrol('reader')
  const dying = await plant.enrol('dying', 'sensor')
  const keys = await keysOf(plant, [pump, reader, dying])
  const durable = { brokerUrl, clean: false, clientIdSuffix: 'durable' }
  const away = await plant.connect(reader, durable)
  await away.subscribeAsync('iot/sensor', { qos: 1 })
  await away.endAsync()
  const online = await plant.connect(reader, { brokerUrl })
  const inbox = new Inbox(online)
  await online.subscribeAsync(['iot/sensor', 'iot/control'], { qos: 1 })
  const writer = await plant.connect(pump, { brokerUrl })
  const send = (retain: boolean) => {
    const content = { contentType: canary() }
    return writer.publishAsync(retain ? 'iot/sensor' : 'iot/control', canary(), { qos: 1, retain, ...content })
  }
  for (let message = 0; message < messages; message++) {
    await writer.publishAsync('iot/sensor', canary(), { qos: (message % 3) as 0 | 1 | 2 })
  }
  await send(true)
  await send(false)
  const will = { topic: 'iot/sensor', payload: canary(), qos: 1 as const }
  const mourned = await plant.connect(dying, { brokerUrl, will })
  await mourned.endAsync(true)
  await inbox.until(() => inbox.opened.length + inbox.rejected.length === messages + 3)
  expect(inbox.rejected).toEqual([])
  // All in clear at the reader: the search is for what was really sent.
  for (const { text } of inbox.opened) expect(canaries).toContain(text)
  keys.push(...(await keysOf(plant, [pump, reader, dying])))
  return { canaries, keys }
}

/** Every secret of these senders that a broker has no business with: keys of epochs, for sealing and for signing, tokens. */
async function keysOf(plant: Plant, identities: readonly Identity[]): Promise<Uint8Array[]> {
  const keys: Uint8Array[] = []
  for (const { token, signingKey } of identities) {
    const { channels } = await plant.authority(token).keyring()
    for (const { epochKey, senderKey } of channels.flatMap((channel) => channel.keys)) {
      keys.push(Buffer.from((epochKey ?? senderKey)!, 'base64url'))
    }
    const der = Buffer.from(signingKey, 'base64url')
    const { d } = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' }).export({ format: 'jwk' })
    keys.push(Buffer.from(d!, 'base64url'), Buffer.from(token, 'base64url'))
  }
  return keys
}

/** Every file of a folder and those in it, by name. */
export async function readFolder(folder: string): Promise<Found> {
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true }).filter((entry) => entry.isFile())
  return new Map(entries.map((entry) => [entry.name, readFileSync(join(entry.parentPath, entry.name))]))
}

function search(found: Found, proxy: RecordingProxy, { canaries, keys }: Secrets, count: Count): void {
  for (const [index, bytes] of proxy.recorded().entries()) found.set(`traffic ${index}`, bytes)
  proxy.stop()
  // The places are the right ones: topics are seen in what was carried and in what is stored, and the log is not empty.
  const topicIn = (places: [string, Buffer][]) => places.some(([, bytes]) => bytes.includes('iot/sensor'))
  expect(topicIn([...found].filter(([name]) => name.startsWith('traffic')))).toBe(true)
  expect(topicIn([...found].filter(([name]) => !name.startsWith('traffic') && name !== 'log'))).toBe(true)
  expect(found.get('log')!.length).toBeGreaterThan(0)
  const secrets = new SecretSearch([...canaries.map((text) => Buffer.from(text)), ...keys])
  for (const [name, bytes] of found) expect([...secrets.findIn(bytes)], `secrets in ${name}`).toEqual([])
  count('canaries', canaries.length)
  count('keys', keys.length)
  count(
    'bytes searched',
    [...found.values()].reduce((sum, { length }) => sum + length, 0),
  )
}
