import { spawn } from 'node:child_process'
import { openSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { enrolSender, type SealedClient } from '@sealmq/client'
import { nodeCryptography } from '@sealmq/protocol/node'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Inbox, nextPayload, Plant } from './plant.ts'
import { binary, ended, finished, Installation, lines, lineThat } from './sealmq-process.ts'

const topic = 'iot/sensor'

describe('sealmq pub and sub', () => {
  let plant: Plant
  let installation: Installation
  let reader: SealedClient
  let inbox: Inbox
  beforeAll(async () => {
    plant = await Plant.start()
    const identity = await enrolSender(plant.admin, nodeCryptography, 'cli')
    installation = new Installation()
    installation.signIn(identity)
    reader = await plant.connect(await plant.enrol('reader'))
    inbox = new Inbox(reader)
    await reader.subscribeAsync(topic, { qos: 1 })
  })
  afterAll(async () => {
    installation.stop()
    await plant.stop()
  })

  /** Takes this many messages, as bytes in latin1, so that every byte shows. */
  async function received(count: number): Promise<string[]> {
    const texts: string[] = []
    while (texts.length < count) texts.push(Buffer.from((await inbox.next()).message.payload).toString('latin1'))
    return texts
  }

  describe('pub -l', () => {
    const words = ['pub', '-t', topic, '-q', '1', '-l']

    it('sends every line that a shell pipes in, empty ones and the last one without its end', async () => {
      const shell = spawn(
        'sh',
        ['-c', `printf 'one\\r\\n\\ntwo\\n\\377\\000\\r\\r\\nlast' | "$0" "$@"`, process.execPath, binary, ...words],
        {
          env: { ...process.env, SEALMQ_HOME: installation.home, NODE_OPTIONS: '' },
          stdio: ['ignore', 'pipe', 'pipe'],
        },
      )
      expect(await finished(shell)).toMatchObject({ code: 0, err: '5 messages sealed and taken by the broker.\n' })
      expect(await received(5)).toEqual(['one', '', 'two', '\xff\x00\r', 'last'])
    })

    it('sends every line of a file, also when there are many', async () => {
      const path = join(installation.home, 'lines')
      const texts = Array.from({ length: 30 }, (_, index) => `${index} ${'x'.repeat(5000)}`)
      writeFileSync(path, `${texts.join('\n')}\n`)
      const child = spawn(process.execPath, [binary, ...words], {
        env: { ...process.env, SEALMQ_HOME: installation.home, NODE_OPTIONS: '' },
        stdio: [openSync(path, 'r'), 'pipe', 'pipe'],
      })
      expect(await finished(child)).toMatchObject({ code: 0, err: expect.stringContaining('30 messages') })
      expect(await received(30)).toEqual(texts)
    })

    it('sends a line that is there from the first moment at once, and one that comes later', async () => {
      const child = installation.start(...words)
      const finish = finished(child)
      child.stdin!.write('early\n')
      expect(await received(1)).toEqual(['early'])
      child.stdin!.end('late\n')
      expect(await received(1)).toEqual(['late'])
      expect(await finish).toMatchObject({ code: 0, err: expect.stringContaining('2 messages') })
    })

    it('sends nothing of nothing', async () => {
      expect(await installation.run(...words)).toMatchObject({ code: 0, err: expect.stringContaining('0 messages') })
    })
  })

  describe('sub', () => {
    /** Starts `sub` and waits until the broker has taken its subscription. */
    async function subscriber(...words: string[]) {
      const child = installation.start('sub', '-q', '1', '-d', ...words)
      const finish = finished(child)
      const output = lines(child)
      await lineThat(lines(child, 'stderr'), (line) => line.includes('[subscribed]'))
      return { child, finish, output }
    }
    /** What a stranger to sealing publishes with the credentials of a sender. */
    async function publishPlain(payload: string): Promise<void> {
      const { username, password } = (await enrolSender(plant.admin, nodeCryptography, 'forger')).broker
      const port = new URL(plant.brokerUrl).port
      const plain = spawn('mosquitto_pub', [
        '-p',
        port,
        '-u',
        username,
        '-P',
        password,
        '-t',
        topic,
        '-q',
        '1',
        '-m',
        payload,
      ])
      expect((await finished(plain)).code).toBe(0)
      expect(await inbox.nextRejected()).toMatchObject({ code: 'malformed' })
    }

    it('-F prints nothing of a refused message, tells of it on standard error, and -C does not count it', async () => {
      const { finish } = await subscriber('-t', topic, '-F', '<%p|%x|%X>', '-C', '1')
      await publishPlain('FORGED')
      await reader.publishAsync(topic, 'genuine', { qos: 1 })
      await inbox.next()
      const { code, out, err } = await finish
      const hex = Buffer.from('genuine').toString('hex')
      expect({ code, out }).toEqual({ code: 0, out: `<genuine|${hex}|${hex.toUpperCase()}>\n` })
      expect(err).toMatch(/^sealmq: iot\/sensor \[REJECTED malformed\] .+$/m)
      expect(err).not.toContain('FORGED')
    })

    it('--json shows a refused message without its payload, and -C does not count it', async () => {
      const { finish } = await subscriber('-t', topic, '--json', '-C', '1')
      await publishPlain('FORGED')
      await reader.publishAsync(topic, 'genuine', { qos: 1 })
      await inbox.next()
      const { code, out } = await finish
      expect(code).toBe(0)
      expect(
        out
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line)),
      ).toMatchObject([
        { error: 'malformed', payload: null },
        { error: null, payload: 'genuine' },
      ])
    })

    it("takes mosquitto_sub's name for a kept session, and refuses one that nobody could come back to", async () => {
      for (const flag of ['--durable', '-c', '--disable-clean-session']) {
        const { code, err } = await installation.run('sub', '-t', topic, '-W', '1', flag)
        expect({ flag, code }).toEqual({ flag, code: 2 })
        expect(err).toMatch(/-i/)
      }
      expect(await installation.run('sub', '-t', topic, '-q', '1', '-W', '1', '-c', '-i', 'kept')).toMatchObject({
        code: 27,
      })
      await reader.publishAsync(topic, 'meanwhile', { qos: 1 })
      await inbox.next()
      const words = ['-t', topic, '-q', '1', '-i', 'kept', '--disable-clean-session', '-C', '1', '-W', '20']
      expect(await installation.run('sub', ...words)).toMatchObject({ code: 0, out: 'meanwhile\n' })
    })

    it('keeps out what another one of the same installation has accepted', async () => {
      const { username, password } = await enrolSender(plant.admin, nodeCryptography, 'attacker').then(
        (it) => it.broker,
      )
      const attacker = await plant.connectPlain(plant.brokerUrl, { username, password, clientId: 'attacker' })
      const topics = [topic, 'iot/login']
      await attacker.subscribeAsync(topics, { qos: 1 })
      const both = await Promise.all(topics.map((each) => subscriber('-t', each)))
      const envelopes: Buffer[] = []
      for (const each of topics) {
        const carried = nextPayload(attacker)
        await reader.publishAsync(each, 'once', { qos: 1 })
        envelopes.push(await carried)
      }
      await Promise.all(both.map(({ output }) => lineThat(output, (line) => line === 'once')))
      for (const { child } of both) child.kill('SIGINT')
      for (const { finish } of both) expect(await finish).toMatchObject({ code: 0 })
      const { child, output } = await subscriber('-t', topics[0]!, '-t', topics[1]!, '--json')
      for (const [index, each] of topics.entries()) {
        await attacker.publishAsync(each, envelopes[index]!, { qos: 1 })
        expect(JSON.parse(await lineThat(output, () => true))).toMatchObject({ topic: each, error: 'replayed' })
      }
      child.kill('SIGINT')
      await ended(child)
      await attacker.endAsync()
      inbox.opened.length = 0
      inbox.rejected.length = 0
    })

    it('does not say that it goes on when the authority is away from the beginning', async () => {
      const stranded = new Installation()
      stranded.signIn({ ...(await plant.enrol('stranded')), authority: 'http://127.0.0.1:1' })
      const { code, err } = await stranded.run('sub', '-t', topic, '-W', '5')
      expect(code).toBe(5)
      expect(err).toMatch(/^sealmq: .+ \[authority-unreachable\]\n$/)
    })
  })

  it('pub -r -n takes a retained message away, as mosquitto_pub does; receivers are not told of it', async () => {
    const state = 'iot/login'
    expect(await installation.run('pub', '-t', state, '-q', '1', '-r', '-m', 'kept')).toMatchObject({ code: 0 })
    await reader.subscribeAsync(state, { qos: 1 })
    expect(await inbox.next()).toMatchObject({ text: 'kept', message: { retained: true } })
    expect(await installation.run('pub', '-t', state, '-q', '1', '-r', '-n')).toMatchObject({ code: 0 })
    await reader.publishAsync(topic, 'afterwards', { qos: 1 })
    expect((await inbox.next()).text).toBe('afterwards')
    const later = await plant.connect(await plant.enrol('later'))
    const laterInbox = new Inbox(later)
    await later.subscribeAsync([state, topic], { qos: 1 })
    await reader.publishAsync(topic, 'live', { qos: 1 })
    expect((await laterInbox.next()).text).toBe('live')
    expect([...inbox.rejected, ...laterInbox.rejected]).toEqual([])
    const viewer = await plant.connect(await plant.enrol('viewer', 'viewer'))
    await expect(viewer.clearRetainedAsync(state)).rejects.toMatchObject({ code: 'not-permitted' })
  })
})
