import { type ChildProcess, spawn } from 'node:child_process'
import { chmodSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Identity, SealedClient } from '@sealmq/client'
import { type RoleInfo, routes } from '@sealmq/protocol/api'
import type { IPublishPacket } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GovernedMosquitto } from './governed-mosquitto.ts'
import { Mosquitto } from './mosquitto.ts'
import { eventOf, Inbox, nextPayload } from './plant.ts'
import { finished, Installation, lines, lineThat, temporaryFolder } from './sealmq-process.ts'

const carrier = fileURLToPath(new URL('../python/carry.py', import.meta.url))
const topic = 'iot/sensor'
const properties = {
  userProperties: { line: '3', shift: 'night' },
  contentType: 'text/plain',
  responseTopic: 'iot/login',
  correlationData: Buffer.from('order 7'),
  messageExpiryInterval: 600,
}

interface PahoWish {
  subscribe?: string[]
  publish?: [topic: string, hex: string][]
  receive?: number
  password?: string
}

describe('tools that people have, on a Mosquitto that the authority governs', { timeout: 120_000 }, () => {
  let broker: GovernedMosquitto
  let elsewhere: Mosquitto
  let writer: SealedClient
  let reader: SealedClient
  let inbox: Inbox
  let sensor: Identity
  const folder = temporaryFolder()
  beforeAll(async () => {
    broker = await GovernedMosquitto.start()
    elsewhere = await Mosquitto.start()
    const { plant } = broker
    sensor = await plant.enrol('pump', 'sensor')
    writer = await plant.connect(await plant.enrol('writer'), { brokerUrl: elsewhere.url })
    reader = await plant.connect(await plant.enrol('reader'))
    inbox = new Inbox(reader)
    await reader.subscribeAsync([topic, 'iot/login'], { qos: 1 })
  }, 120_000)
  afterAll(async () => {
    await broker?.stop()
    await elsewhere?.kill()
  })

  /** What is sealed and carried by another broker, in hexadecimal: nobody here has seen it. */
  async function sealedElsewhere(text: string): Promise<string> {
    const tap = await broker.plant.connectPlain(elsewhere.url)
    await tap.subscribeAsync(topic, { qos: 1 })
    const carried = nextPayload(tap)
    await writer.publishAsync(topic, text, { qos: 1, contentType: 'application/json' })
    const envelope = (await carried).toString('hex')
    await tap.endAsync()
    return envelope
  }

  describe.each([4, 5] as const)('MQTT protocol version %i', (version) => {
    const client = (program: 'mosquitto_pub' | 'mosquitto_sub', identity: Identity, ...words: string[]) =>
      finished(startClient(program, identity, ...words))
    function startClient(
      program: 'mosquitto_pub' | 'mosquitto_sub',
      identity: Identity,
      ...words: string[]
    ): ChildProcess {
      const { username, password } = identity.broker
      const common = [
        '-h',
        '127.0.0.1',
        '-p',
        String(broker.port),
        '-V',
        version === 5 ? 'mqttv5' : 'mqttv311',
        '-q',
        '1',
      ]
      return spawn(program, [...common, '-u', username, '-P', password, ...words])
    }
    /** Of a session that the broker keeps. */
    const session = (name: string) => ['-i', `${name}-${version}`, '-c', ...(version === 5 ? ['-x', '3600'] : [])]
    const wrong = (identity: Identity): Identity => ({ ...identity, broker: { ...identity.broker, password: 'guess' } })

    it('mosquitto_pub and mosquitto_sub carry an envelope byte for byte; who holds the key opens it', async () => {
      const envelope = await sealedElsewhere('by mosquitto_pub')
      const subscription = [...session('tool'), '-t', topic]
      expect(await client('mosquitto_sub', sensor, ...subscription, '-E')).toMatchObject({ code: 0 })
      const file = join(folder, `envelope-${version}`)
      writeFileSync(file, Buffer.from(envelope, 'hex'))
      expect(await client('mosquitto_pub', sensor, '-t', topic, '-f', file)).toMatchObject({ code: 0 })
      const taken = await client('mosquitto_sub', sensor, ...subscription, '-C', '1', '-F', '%t %x')
      expect(taken).toMatchObject({ code: 0, out: `${topic} ${envelope}\n` })
      expect(await inbox.next()).toMatchObject({ text: 'by mosquitto_pub', message: { verified: 'sender' } })
    })

    it('mosquitto_pub and mosquitto_sub are refused with a wrong password, and beyond the role', async () => {
      const wrongly = wrong(sensor)
      expect((await client('mosquitto_pub', wrongly, '-t', topic, '-m', 'x')).code).not.toBe(0)
      expect((await client('mosquitto_sub', wrongly, '-t', topic, '-C', '1', '-W', '20')).code).not.toBe(0)
      const foreign = await client('mosquitto_sub', sensor, '-t', 'iot/login', '-C', '1', '-W', '20')
      expect(foreign).toMatchObject({ out: '', err: expect.stringMatching(/denied/) })
      await client('mosquitto_pub', sensor, '-t', 'iot/login', '-m', 'FORGED')
      await client('mosquitto_pub', sensor, '-t', topic, '-m', 'NOT SEALED')
      expect(await inbox.nextRejected()).toMatchObject({ topic, code: 'malformed' })
      expect(inbox.rejected).toEqual([])
    })

    /** Paho of Debian's Python, whatever other one comes first in PATH. */
    async function paho(identity: Identity, wish: PahoWish): Promise<Record<string, unknown>[]> {
      const child = spawn('/usr/bin/python3', [carrier], { env: { ...process.env, PYTHONDONTWRITEBYTECODE: '1' } })
      const told: Record<string, unknown>[] = []
      createInterface({ input: child.stdout }).on('line', (line) => told.push(JSON.parse(line)))
      const place = { host: '127.0.0.1', port: broker.port, version, clientId: `paho-${version}` }
      child.stdin.end(JSON.stringify({ ...place, ...identity.broker, subscribe: [], publish: [], receive: 0, ...wish }))
      const { code, err } = await finished(child)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      return told
    }

    it('Eclipse Paho for Python carries an envelope byte for byte; who holds the key opens it', async () => {
      const envelope = await sealedElsewhere('by Paho')
      const told = await paho(sensor, { subscribe: [topic], publish: [[topic, envelope]], receive: 1 })
      expect(told[0]).toEqual({ event: 'connect', code: 0 })
      expect(told).toContainEqual({ event: 'subscribe', codes: [1] })
      expect(told).toContainEqual(expect.objectContaining({ event: 'message', topic, payload: envelope }))
      expect(await inbox.next()).toMatchObject({ text: 'by Paho', message: { verified: 'sender' } })
    })

    it('Eclipse Paho for Python is refused with a wrong password, and beyond the role', async () => {
      const [refused, ...nothing] = await paho(wrong(sensor), { subscribe: [topic] })
      expect(refused).toEqual({ event: 'connect', code: version === 5 ? 135 : 5 })
      expect(nothing).toEqual([])
      const told = await paho(sensor, { subscribe: ['iot/login', '#', '$SYS/#', topic] })
      const refusal = version === 5 ? 135 : 128
      expect(told).toContainEqual({ event: 'subscribe', codes: [refusal, refusal, refusal, 1] })
      await paho(sensor, { publish: [['iot/login', Buffer.from('FORGED').toString('hex')]] })
      const envelope = await sealedElsewhere('afterwards')
      await paho(sensor, { publish: [[topic, envelope]] })
      expect((await inbox.next()).text).toBe('afterwards')
      expect(inbox.rejected).toEqual([])
    })

    it('a monitor sees all of it with mosquitto_sub, and somebody who holds the keys opens it with sealmq open', async () => {
      const { plant } = broker
      const role = await plant.admin.request<RoleInfo>('POST', routes.roles, {
        name: `watch${version}`,
        monitor: true,
        grants: [],
      })
      const monitor = await plant.enrol(`watcher${version}`, role.name)
      const all = ['iot/login', 'iot/sensor', 'iot/control', 'iot/admin'].flatMap((each) => ['-t', each])
      const subscription = [...session('monitor'), ...all]
      expect((await client('mosquitto_sub', monitor, ...subscription, '-E')).code).toBe(0)
      await reader.publishAsync(topic, 'seen', { qos: 1 })
      await inbox.next()
      await client('mosquitto_pub', monitor, '-t', topic, '-m', 'FORGED')
      const installation = new Installation()
      installation.signIn(await plant.enrol('opener'))
      const watching = startClient('mosquitto_sub', monitor, ...subscription, '-C', '1', '-F', '%r %t %x')
      const opening = installation.start('open', '-I', '%r %t %x', '-v')
      watching.stdout!.pipe(opening.stdin!)
      expect(await finished(opening)).toEqual({ code: 0, out: `${topic} seen\n`, err: '' })
      const own = new Installation()
      own.signIn(monitor)
      expect(await own.run('sub', '-t', topic, '-W', '5')).toMatchObject({ code: 4 })
      expect(inbox.rejected).toEqual([])
    })
  })

  it('properties of MQTT 5 are carried beside the envelope; what was sealed does not change with them', async () => {
    const five = { protocolVersion: 5 as const }
    const { plant } = broker
    const receiver = await plant.connect(await plant.enrol('receiver'), five)
    const received = () =>
      new Promise<{ packet: IPublishPacket; contentType: string | null }>((resolve) =>
        receiver.once('message', (_topic, _payload, packet, { contentType }) => resolve({ packet, contentType })),
      )
    await receiver.subscribeAsync(topic, { qos: 1 })
    const identity = await plant.enrol('sender-of-five')
    const sender = await plant.connect(identity, five)
    const first = received()
    await sender.publishAsync(topic, '{}', { qos: 1, contentType: 'application/json', properties })
    const { packet, contentType } = await first
    expect(contentType).toBe('application/json')
    expect({ ...packet.properties, userProperties: { ...packet.properties?.userProperties } }).toMatchObject({
      ...properties,
      messageExpiryInterval: expect.toSatisfy((left: number) => left > 0 && left <= 600),
    })
    await inbox.next()
    // Whoever carries it may say what it likes beside it.
    const envelope = await sealedElsewhere('{}')
    const attacker = await plant.connectPlain(`mqtt://127.0.0.1:${broker.port}`, { ...identity.broker, ...five })
    const second = received()
    const altered = { contentType: 'text/html', userProperties: { line: '4' } }
    await attacker.publishAsync(topic, Buffer.from(envelope, 'hex'), { qos: 1, properties: altered })
    const forged = await second
    expect(forged.packet.properties?.contentType).toBe('text/html')
    expect(forged.contentType).toBe('application/json')
    await inbox.next()
  })

  it('sealmq pub sets properties as mosquitto_pub does, and sealmq sub shows them', async () => {
    const person = new Installation()
    person.signIn(await broker.plant.enrol('person-of-five'))
    const said = 'publish content-type text/csv publish user-property unit bar'.split(' ')
    const words = ['-t', topic, '-m', 'with properties', '-q', '1', '-r', '-D', ...said]
    expect(await person.run('pub', ...words)).toMatchObject({ code: 2, err: expect.stringContaining('--mqtt5') })
    expect(await person.run('pub', '--mqtt5', ...words)).toMatchObject({ code: 0 })
    const { out } = await person.run('sub', '--mqtt5', '--json', '-t', topic, '-C', '1')
    expect(JSON.parse(out)).toMatchObject({
      payload: 'with properties',
      properties: { 'content-type': 'text/csv', 'user-properties': [{ unit: 'bar' }] },
    })
    expect((await inbox.next()).text).toBe('with properties')
    expect(await person.run('pub', '-t', topic, '-n', '-r')).toMatchObject({ code: 0 })
  })

  it('a reason code by which a broker does not take a message is told in MQTT 5', async () => {
    const rules = join(temporaryFolder(), 'acl')
    writeFileSync(rules, 'topic read #\n', { mode: 0o644 })
    chmodSync(dirname(rules), 0o755)
    const deaf = await Mosquitto.start(`acl_file ${rules}`)
    const options = { brokerUrl: deaf.url, protocolVersion: 5 as const }
    const client = await broker.plant.connect(await broker.plant.enrol('unheard'), options)
    const refused = { code: 'broker-refused', message: expect.stringContaining('(135)') }
    await expect(client.publishAsync(topic, 'x', { qos: 1 })).rejects.toMatchObject(refused)
    await deaf.kill()
  })

  it('a bridge of another Mosquitto carries both ways, under the same topics', async () => {
    const { plant, port } = broker
    const { username, password } = (await plant.enrol('bridge', 'sensor')).broker
    const bridge = await Mosquitto.start(
      ...[
        'connection plant',
        `address 127.0.0.1:${port}`,
        `remote_username ${username}`,
        `remote_password ${password}`,
      ],
      // What it says of itself would go to $SYS, where nobody may publish.
      ...['notifications false', 'cleansession false', `topic ${topic} both 1`],
    )
    const far = { brokerUrl: bridge.url }
    const [farWriter, farReader] = [
      await plant.connect(await plant.enrol('far-writer'), far),
      await plant.connect(await plant.enrol('far-reader'), far),
    ]
    const farInbox = new Inbox(farReader)
    await farReader.subscribeAsync(topic, { qos: 1 })
    await farWriter.publishAsync(topic, 'to the plant', { qos: 1 })
    expect((await inbox.next()).text).toBe('to the plant')
    expect((await farInbox.next()).text).toBe('to the plant')
    await reader.publishAsync(topic, 'from the plant', { qos: 1 })
    expect((await inbox.next()).text).toBe('from the plant')
    expect((await farInbox.next()).text).toBe('from the plant')
    expect([...inbox.rejected, ...farInbox.rejected]).toEqual([])
    await bridge.kill()
  })

  it('shared subscriptions are refused at once, by the client as by the broker, so that none reports gaps', async () => {
    const filter = `$share/group/${topic}`
    const refused = { code: 'subscription-refused', message: expect.stringContaining('Shared subscriptions') }
    await expect(reader.subscribeAsync(filter)).rejects.toMatchObject(refused)
    const { username, password } = sensor.broker
    const words = ['-p', String(broker.port), '-u', username, '-P', password, '-t', filter, '-C', '1', '-W', '20']
    expect((await finished(spawn('mosquitto_sub', words))).err).toMatch(/denied/)
  })

  it.each([4, 5] as const)(
    'a session that the broker keeps gives what came meanwhile, protocol version %i',
    async (version) => {
      const identity = await broker.plant.enrol(`kept${version}`, 'sensor')
      const options = { clean: false, protocolVersion: version }
      const away = await broker.plant.connect(identity, options)
      await away.subscribeAsync(topic, { qos: 1 })
      await away.endAsync()
      await reader.publishAsync(topic, 'meanwhile', { qos: 1 })
      await inbox.next()
      const later = new Inbox()
      await broker.plant.connect(identity, { ...options, on: later.listeners })
      expect((await later.next()).text).toBe('meanwhile')
    },
  )

  it.each([4, 5] as const)('a will is sealed, opens once and is marked, protocol version %i', async (version) => {
    const { plant } = broker
    const identity = await plant.enrol(`dying${version}`, 'sensor')
    const will = { topic, payload: 'gone', qos: 1 as const }
    const installation = new Installation()
    installation.signIn(await plant.enrol(`onlooker${version}`))
    const child = installation.start('sub', '-t', topic, '-q', '1', '-C', '1', '-d')
    const finish = finished(child)
    await lineThat(lines(child, 'stderr'), (line) => line.includes('[subscribed]'))
    const dying = await plant.connect(identity, { will, protocolVersion: version })
    const ended = eventOf(dying, 'end')
    await dying.endAsync(true)
    await ended
    const { text, message } = await inbox.next()
    expect({ text, will: message.will, sender: message.sender }).toEqual({
      text: 'gone',
      will: true,
      sender: identity.sender,
    })
    expect(await finish).toMatchObject({ code: 0, out: '[will] gone\n' })
    await reader.publishAsync(topic, 'alive', { qos: 1 })
    expect(await inbox.next()).toMatchObject({ text: 'alive', message: { will: false } })
  })
})
