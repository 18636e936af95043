import { spawn } from 'node:child_process'
import { enrolSender, type Identity, type SealedClient } from '@sealmq/client'
import { routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { nextPayload, Plant } from './plant.ts'
import { binary, finished, Installation, lines, lineThat } from './sealmq-process.ts'

const topic = 'iot/sensor'

describe('sealmq open', () => {
  let plant: Plant
  let identity: Identity
  let installation: Installation
  let writer: SealedClient
  let tap: MqttClient
  beforeAll(async () => {
    plant = await Plant.start()
    identity = await enrolSender(plant.admin, nodeCryptography, 'cli')
    installation = new Installation()
    installation.signIn(identity)
    writer = await plant.connect(await plant.enrol('writer'))
    const { username, password } = (await plant.enrol('tap')).broker
    tap = await plant.connectPlain(plant.brokerUrl, { username, password, clientId: 'tap' })
    await tap.subscribeAsync([topic, 'iot/control', 'iot/login'], { qos: 1 })
  })
  afterAll(async () => {
    installation.stop()
    await plant.stop()
  })

  /** Seals and publishes; gives the envelope as the broker carried it, in hexadecimal. */
  async function envelope(text: string, on = topic): Promise<string> {
    const carried = nextPayload(tap)
    await writer.publishAsync(on, text, { qos: 1 })
    return (await carried).toString('hex')
  }
  const open = (input: string, ...words: string[]) => installation.runWithInput(input, 'open', ...words)

  it('opens what mosquitto_sub receives with issued credentials, and takes nothing from sealmq sub by that', async () => {
    const { username, password } = identity.broker
    const port = new URL(plant.brokerUrl).port
    const durable = ['sub', '-t', topic, '-q', '1', '-c', '-i', 'beside', '-W', '1']
    expect((await installation.run(...durable)).code).toBe(27)
    const from = `mosquitto_sub -p ${port} -u ${username} -P ${password} -i tool -c -t ${topic} -q 1`
    // It subscribes and goes (-E); the broker keeps what comes meanwhile.
    expect((await finished(spawn('sh', ['-c', `${from} -E`]))).code).toBe(0)
    for (const text of ['first', 'second']) await writer.publishAsync(topic, text, { qos: 1 })
    const shell = spawn('sh', ['-c', `${from} -C 2 -F '%t %x' | "$0" open -v`, binary], {
      env: { ...process.env, SEALMQ_HOME: installation.home, NODE_OPTIONS: '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    expect(await finished(shell)).toEqual({ code: 0, out: `${topic} first\n${topic} second\n`, err: '' })
    const beside = await installation.run('sub', '-t', topic, '-q', '1', '-c', '-i', 'beside', '-C', '2', '-W', '30')
    expect(beside).toMatchObject({ code: 0, out: 'first\nsecond\n' })
  })

  it('opens all others when some lines are none, and says which', async () => {
    const [one, two, three] = [await envelope('one'), await envelope('two'), await envelope('three')]
    const long = '0'.repeat(2 * 1024 * 1024 + 70_000)
    const input = `${topic} ${one}\r\n\n${topic}\n${topic} ${two.toUpperCase()}\n${topic} ${one}0\n${long}\n${topic} ${three}`
    const { code, out, err } = await open(input, '-v')
    expect({ code, out }).toEqual({ code: 1, out: `${topic} one\n${topic} two\n${topic} three\n` })
    const told = err.trim().split('\n')
    expect(told.map((line) => / line (\d+) .* \[bad-line\]$/.exec(line)?.[1])).toEqual(['2', '3', '5', '6', undefined])
    expect(told.at(-1)).toMatch(/^sealmq: 4 lines were no message\. .+ \[bad-line\]$/)
  })

  it('writes as sealmq sub does', async () => {
    const hex = await envelope('{"t":21}')
    const asked = { json: ['--json'], format: ['-F', '<%t|%p|%q|%S|%V>'] }
    const json = await open(`0 ${topic} ${hex}`, '-I', '%r %t %x', ...asked.json)
    expect(JSON.parse(json.out)).toMatchObject({
      topic,
      payload: { t: 21 },
      qos: null,
      retain: 0,
      verified: 'sender',
      sender: { name: 'writer' },
      error: null,
    })
    expect((await open(hex, '-t', topic, ...asked.format)).out).toBe(`<${topic}|{"t":21}|?|Ada|sender>\n`)
  })

  it('refuses what was altered, moved, played again or never sealed, and shows nothing of it', async () => {
    const [first, genuine] = [await envelope('FIRST'), await envelope('GENUINE')]
    const altered = `${first.slice(0, -2)}${first.endsWith('00') ? '01' : '00'}`
    const plain = Buffer.from('FORGED').toString('hex')
    const stream = [
      `${topic} ${altered}`,
      `iot/login ${first}`,
      `${topic} ${plain}`,
      `no/channel ${first}`,
      `${topic} ${genuine}`,
      `${topic} ${genuine}`,
      `${topic} `,
    ]
    const { code, out, err } = await open(stream.join('\n'), '--json')
    expect(code).toBe(0)
    expect(out.trim().split('\n')).toHaveLength(1)
    expect(JSON.parse(out)).toMatchObject({ payload: 'GENUINE', error: null })
    const codes = [...err.matchAll(/line (\d+): \S+ \[REJECTED (\S+)\]/g)].map(([, line, code]) => `${line} ${code}`)
    expect(codes).toEqual(['1 not-authentic', '2 not-authentic', '3 malformed', '4 unknown-key', '6 replayed'])
    expect(err).not.toMatch(/FIRST|FORGED/)
  })

  it('refuses a command that is said to be retained', async () => {
    const hex = await envelope('stop', 'iot/control')
    const { code, out, err } = await open(`1 iot/control ${hex}`, '-I', '%r %t %x')
    expect({ code, out }).toEqual({ code: 0, out: '' })
    expect(err).toContain('[REJECTED stale]')
    expect((await open(`0 iot/control ${hex}`, '-I', '%r %t %x')).out).toBe('stop\n')
  })

  it('tells of messages that are missing in between', async () => {
    const [one, , three] = [await envelope('one'), await envelope('two'), await envelope('three')]
    const { out, err } = await open(`${topic} ${one}\n${topic} ${three}\n`)
    expect(out).toBe('one\nthree\n')
    expect(err).toMatch(/^sealmq: messages are missing on iot\/sensor from writer: .+ \[gap\]\n$/)
  })

  it('opens nothing for those who hold no key, and nothing more for those who are revoked', async () => {
    const viewer = await plant.enrol('viewer', 'viewer')
    const other = new Installation()
    other.signIn(viewer)
    const [sensor, login] = [await envelope('hidden'), await envelope('shown', 'iot/login')]
    const child = other.start('open')
    const [output, errors] = [lines(child), lines(child, 'stderr')]
    child.stdin!.write(`${topic} ${sensor}\niot/login ${login}\n`)
    expect(await lineThat(errors, () => true)).toMatch(/line 1: .+\[REJECTED unknown-key\]/)
    expect(await lineThat(output, () => true)).toBe('shown')
    const ended = finished(child)
    await plant.admin.request('DELETE', routes.member.replace(':id', viewer.member))
    // It learns of it by the change feed, or with the first message that its old keys do not explain.
    const later = `${topic} ${await envelope('later')}\n`
    const feed = setInterval(() => child.stdin!.write(later), 50)
    child.stdin!.on('error', () => {})
    const { code, out } = await ended.finally(() => clearInterval(feed))
    expect({ code, out }).toEqual({ code: 3, out: '' })
  })

  it('ends at once where it could not open anything', async () => {
    for (const words of [
      ['-t', topic, '-I', '%t %x'],
      ['-I', '%x'],
      ['-I', '%p'],
    ]) {
      expect(await open('', ...words), words.join(' ')).toMatchObject({ code: 2, out: '' })
    }
    const stranded = new Installation()
    expect(await stranded.run('open')).toMatchObject({ code: 3, err: expect.stringContaining('[not-signed-in]') })
    stranded.signIn({ ...identity, authority: 'http://127.0.0.1:1' })
    const away = await stranded.run('open')
    expect(away).toMatchObject({ code: 5, err: expect.stringMatching(/^sealmq: .+ \[authority-unreachable\]\n$/) })
  })
})
