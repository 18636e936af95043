import { stat, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { fileStorage } from '@sealmq/client/node'
import { routes } from '@sealmq/protocol/api'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Mosquitto } from './mosquitto.ts'
import { eventOf, Inbox, nextPayload, Plant } from './plant.ts'
import { temporaryFolder } from './sealmq-process.ts'

describe('a client when something is away', () => {
  let plant: Plant
  let mosquitto: Mosquitto
  let options: { brokerUrl: string }
  beforeEach(async () => {
    mosquitto = await Mosquitto.start()
    plant = await Plant.start()
    options = { brokerUrl: mosquitto.url }
  })
  afterEach(async () => {
    await plant.stop()
    await mosquitto.kill()
  })

  it('says that the broker cannot be reached or refuses', async () => {
    const identity = await plant.enrol('pump', 'sensor')
    await expect(plant.connect(identity, { brokerUrl: 'mqtt://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'broker-unreachable',
    })
    const stranger = { ...identity, broker: { username: 'sender-1', password: 'wrong' } }
    await expect(plant.connect(stranger)).rejects.toMatchObject({ code: 'broker-refused' })
    await expect(plant.connect({ ...identity, authority: 'http://127.0.0.1:1' })).rejects.toMatchObject({
      code: 'authority-unreachable',
    })
    await expect(plant.connect({ ...identity, token: 'A'.repeat(43) })).rejects.toMatchObject({ code: 'revoked' })
  })

  it('loses no message that was under way when the broker was killed', async () => {
    const writer = await plant.connect(await plant.enrol('pump', 'sensor'), options)
    const reader = await plant.connect(await plant.enrol('reader'), {
      ...options,
      clean: false,
      clientIdSuffix: 'durable',
    })
    const inbox = new Inbox(reader)
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    await writer.publishAsync('iot/sensor', 'before', { qos: 1 })
    await inbox.next()
    const closed = eventOf(writer, 'close')
    await mosquitto.kill()
    await closed
    const underWay = Array.from({ length: 50 }, (_, index) =>
      writer.publishAsync('iot/sensor', `under way ${index}`, { qos: 1 }),
    )
    const again = [eventOf(writer, 'connect'), eventOf(reader, 'connect')]
    await mosquitto.resume()
    await Promise.all(again)
    await Promise.all(underWay)
    await inbox.until(() => inbox.opened.length === 50)
    expect(inbox.opened.map(({ text }) => text).sort()).toEqual(
      Array.from({ length: 50 }, (_, index) => `under way ${index}`).sort(),
    )
  })

  it('goes on while the authority is away, until the lease ends, and again when it is back', async () => {
    let ahead = 0
    const clocks = { monotonic: () => performance.now() + ahead, wallClock: () => Date.now() + ahead }
    const writer = await plant.connect(await plant.enrol('pump', 'sensor'), { ...options, ...clocks })
    const reader = await plant.connect(await plant.enrol('reader'), options)
    const inbox = new Inbox(reader)
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    const away = eventOf(writer, 'authority')
    await plant.stopAuthority()
    expect(await away).toEqual(['away'])
    await writer.publishAsync('iot/sensor', 'alone', { qos: 1 })
    expect((await inbox.next()).text).toBe('alone')
    ahead = 86_400_000 + 60_000
    await expect(writer.publishAsync('iot/sensor', 'too late', { qos: 1 })).rejects.toMatchObject({
      code: 'lease-expired',
    })
    ahead = 0
    const online = eventOf(writer, 'authority')
    await plant.startAuthority()
    expect(await online).toEqual(['online'])
    await writer.publishAsync('iot/sensor', 'together', { qos: 1 })
    expect((await inbox.next()).text).toBe('together')
  })

  it('remembers over a restart what it has accepted, in a file for its owner alone', async () => {
    const path = join(temporaryFolder(), 'remembered.json')
    const identity = await plant.enrol('reader')
    const writer = await plant.connect(await plant.enrol('pump', 'sensor'), options)
    const attacker = await plant.connectPlain(mosquitto.url)
    await attacker.subscribeAsync('iot/sensor')
    const first = await plant.connect(identity, { ...options, storage: fileStorage(path) })
    const inbox = new Inbox(first)
    await first.subscribeAsync('iot/sensor', { qos: 1 })
    const carried = nextPayload(attacker)
    await writer.publishAsync('iot/sensor', 'once', { qos: 1 })
    const envelope = await carried
    await inbox.next()
    await first.endAsync()
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    const second = await plant.connect(identity, { ...options, storage: fileStorage(path) })
    const secondInbox = new Inbox(second)
    await second.subscribeAsync('iot/sensor', { qos: 1 })
    await attacker.publishAsync('iot/sensor', envelope, { qos: 1 })
    expect(await secondInbox.nextRejected()).toMatchObject({ code: 'replayed' })
    await second.endAsync()
    await writeFile(path, '{"numbers":')
    await expect(plant.connect(identity, { ...options, storage: fileStorage(path) })).rejects.toMatchObject({
      code: 'malformed',
      message: expect.stringContaining(path),
    })
  })
})

describe('a client with a false authority between it and the true one', () => {
  let plant: Plant
  let proxy: Server
  /** What the false authority makes of an answer to GET /keyring. */
  let forge: (answer: string) => string
  beforeEach(async () => {
    plant = await Plant.start()
    forge = (answer) => answer
    proxy = createServer(async (request, response) => {
      const { authorization = '' } = request.headers
      const answer = await fetch(plant.url + request.url, { headers: { authorization } })
      response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' })
      if (request.url === routes.changes) {
        // Ends, in error or not, when the plant stops.
        await (async () => {
          for await (const chunk of answer.body!) response.write(chunk)
        })().catch(() => {})
        response.end()
      } else {
        const text = await answer.text()
        response.end(request.url === routes.keyring ? forge(text) : text)
      }
    })
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve))
  })
  afterEach(async () => {
    await plant.stop()
    proxy.closeAllConnections()
    proxy.close()
  })
  const through = async (name: string) => ({
    ...(await plant.enrol(name, 'sensor')),
    authority: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
  })
  const options = () => ({ brokerUrl: plant.brokerUrl })

  it('uses no manifest or directory that is altered, of another deployment or of another sender', async () => {
    const identity = await through('pump')
    const other = await Plant.start()
    const foreign = await other.admin.withToken((await other.enrol('pump', 'sensor')).token).keyring()
    await other.stop()
    const epochKey = foreign.channels.flatMap(({ keys }) => keys).find((key) => key.epochKey)!.epochKey
    const forgeries: ((
      keyring: Record<string, unknown> & { channels: { manifest: string; keys: object[] }[] },
    ) => unknown)[] = [
      (keyring) => ({ ...keyring, directory: foreign.directory }),
      (keyring) => ({ ...keyring, channels: foreign.channels }),
      (keyring) => ({ ...keyring, sender: 1 + Number(keyring.sender) }),
      (keyring) => ({
        ...keyring,
        channels: keyring.channels.map((channel) => ({ ...channel, manifest: `${channel.manifest.slice(0, -4)}AAAA` })),
      }),
      (keyring) => ({
        ...keyring,
        channels: keyring.channels.map((channel) => ({
          ...channel,
          keys: channel.keys.map((key) => ({ ...key, epochKey })),
        })),
      }),
      () => ({}),
      () => 'nonsense',
    ]
    for (const [index, forgery] of forgeries.entries()) {
      forge = (text) => JSON.stringify(forgery(JSON.parse(text)))
      const attempt = plant.connect(identity, options()).then(() => `forgery ${index} was taken`)
      await expect(attempt).rejects.toMatchObject({
        name: expect.stringMatching(/KeyringError|SealError/),
      })
    }
    forge = (text) => text
    expect((await plant.connect(identity, options())).connected).toBe(true)
  })

  it('uses no keyring that is older than one that it has seen, also after a restart', async () => {
    const identity = await through('pump')
    let old = ''
    forge = (text) => {
      old ||= text
      return text
    }
    const storage = fileStorage(join(temporaryFolder(), 'remembered.json'))
    const client = await plant.connect(identity, { ...options(), storage })
    const rights = eventOf(client, 'rights')
    await plant.admin.request('POST', routes.rotate.replace(':id', 'sensor'))
    await rights
    const refused = eventOf(client, 'error')
    forge = () => old
    await plant.admin.request('POST', routes.rotate.replace(':id', 'sensor'))
    expect(await refused).toMatchObject([{ code: 'rollback' }])
    await expect(client.publishAsync('iot/sensor', 'x')).rejects.toMatchObject({ code: 'rollback' })
    await client.endAsync()
    await expect(plant.connect(identity, { ...options(), storage })).rejects.toMatchObject({ code: 'rollback' })
  })
})
