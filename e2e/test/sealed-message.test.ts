import { type ChildProcess, spawn } from 'node:child_process'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { decodeEnvelope } from '@sealmq/protocol'
import mqtt from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ended, finished, Installation, lines, lineThat, type Ready, serve, temporaryFolder } from './sealmq-process.ts'

const password = 'correct horse battery staple'
const canary = 'CANARY-pressure-0.382638-bar'

describe('a sealed message, end to end', () => {
  const data = temporaryFolder()
  const admin = new Installation()
  const machine = new Installation()
  const viewer = new Installation()
  const everyone = [admin, machine, viewer]
  let authority: Ready & { child: ChildProcess }

  beforeAll(async () => {
    authority = await serve(admin, data)
    const setup = await admin.run(
      'setup',
      '--server',
      authority.http,
      '--code',
      authority.setupCode!,
      '--email',
      'Ada@Plant.example',
      '--name',
      'Ada',
      '--password-file',
      admin.passwordFile(password),
    )
    expect(setup).toMatchObject({ code: 0 })
    for (const [installation, email, role] of [
      [machine, 'pump@plant.example', 'sensor'],
      [viewer, 'viewer@plant.example', 'viewer'],
    ] as const) {
      const created = await admin.run(
        'users',
        'create',
        '--email',
        email,
        '--name',
        role,
        '--role',
        role,
        '--password-file',
        admin.passwordFile(`${password} ${role}`),
      )
      expect(created).toMatchObject({ code: 0 })
      const login = await installation.run(
        'login',
        '--server',
        authority.http,
        '--email',
        email,
        '--password-file',
        installation.passwordFile(`${password} ${role}`),
      )
      expect(login).toMatchObject({ code: 0 })
    }
  })
  afterAll(() => {
    for (const installation of everyone) installation.stop()
  })

  /** Starts `sub` and waits until the broker has taken its subscription. */
  async function subscriber(installation: Installation, ...words: string[]) {
    const child = installation.start('sub', '-t', 'iot/sensor', '-q', '1', '--json', '-d', ...words)
    const finish = finished(child)
    const output = lines(child)
    await lineThat(lines(child, 'stderr'), (line) => line.includes('[subscribed]'))
    return {
      child,
      finish,
      next: async (text: string) => JSON.parse(await lineThat(output, (line) => line.includes(text))),
    }
  }

  it('carries a reading from a publisher to a subscriber, who knows who sent it; broker and disk see only ciphertext', async () => {
    const { username, password: brokerPassword } = JSON.parse((await admin.run('credentials', '--json')).out)
    const tap = spawn('mosquitto_sub', [
      '-h',
      '127.0.0.1',
      '-p',
      new URL(authority.mqtt).port,
      '-u',
      username,
      '-P',
      brokerPassword,
      '-t',
      'iot/sensor',
      '-F',
      '%x',
    ])
    const tapped = lines(tap)
    const reader = await subscriber(admin)
    await machine.run('pub', '-t', 'iot/sensor', '-q', '1', '-r', '-m', JSON.stringify({ text: canary }))
    const message = await reader.next(canary)
    expect(message).toMatchObject({
      topic: 'iot/sensor',
      qos: 1,
      verified: 'sender',
      error: null,
      sender: { member: 'sensor' },
    })
    expect(message.payload).toEqual({ text: canary })
    const hex = await lineThat(
      tapped,
      (line) => decodeEnvelope(Buffer.from(line, 'hex')).header.sequence === 0 && line.length > 2 * 160,
    )
    expect(Buffer.from(hex, 'hex').includes(Buffer.from(canary))).toBe(false)
    const inspected = await admin.run('inspect', '--json', hex)
    expect(JSON.parse(inspected.out)).toMatchObject({ suite: 'A256GCM', signed: true, epoch: message.epoch })
    expect(filesHolding(data, canary)).toEqual([])
    tap.kill()
    reader.child.kill('SIGINT')
    expect(await ended(reader.child)).toBe(0)
  })

  it('refuses what the role does not allow at once, with the rule and exit code 4', async () => {
    const publish = await viewer.run('pub', '-t', 'iot/sensor', '-m', 'no')
    expect(publish.code).toBe(4)
    expect(publish.err).toMatch(/No channel of this member|no publish grant/)
    expect(publish.err).toContain('[not-permitted]')
    const subscribe = await viewer.run('sub', '-t', 'iot/control', '-W', '5')
    expect(subscribe.code).toBe(4)
    expect(subscribe.err).toContain('[subscription-refused]')
    const administer = await viewer.run('users', 'list')
    expect(administer).toMatchObject({ code: 4, err: expect.stringContaining('[not-allowed]') })
  })

  it('cuts a wide subscription to what is granted, says so, and ends after -W with 27', async () => {
    const { code, err } = await viewer.run('sub', '-t', '#', '-W', '1')
    expect(code).toBe(27)
    expect(err).toContain('# is cut to what is granted: iot/login [narrowed]')
  })

  it('shows a forged message as rejected, and never its payload', async () => {
    const reader = await subscriber(admin)
    const { broker } = JSON.parse(readFileSync(join(machine.home, 'credentials.json'), 'utf8')).identity
    const forger = await mqtt.connectAsync(authority.mqtt, { ...broker, clientId: 'forger' })
    await forger.publishAsync('iot/sensor', canary, { qos: 1 })
    const rejected = await reader.next('"malformed"')
    expect(rejected).toMatchObject({ error: 'malformed', verified: false, payload: null })
    await forger.endAsync()
    reader.child.kill('SIGINT')
    await ended(reader.child)
  })

  it('goes on after a rotation', async () => {
    const reader = await subscriber(admin)
    await machine.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'before the rotation')
    const before = await reader.next('before the rotation')
    const rotated = JSON.parse((await admin.run('channels', 'rotate', 'sensor', '--json')).out)
    await machine.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'after the rotation')
    const message = await reader.next('after the rotation')
    expect(message.epoch).toBe(rotated.epoch)
    expect(before.epoch).toBeLessThan(rotated.epoch)
    reader.child.kill('SIGINT')
    await ended(reader.child)
  })

  it('drops a member that is removed while it listens; its credential is dead', async () => {
    const { finish } = await subscriber(machine)
    expect(await admin.run('users', 'remove', 'pump@plant.example')).toMatchObject({ code: 0 })
    const { code, err } = await finish
    expect(code).toBe(3)
    expect(err).toContain('[revoked]')
    expect((await machine.run('pub', '-t', 'iot/sensor', '-m', 'still here?')).code).toBe(3)
    const { broker } = JSON.parse(readFileSync(join(machine.home, 'credentials.json'), 'utf8')).identity
    await expect(mqtt.connectAsync(authority.mqtt, { ...broker, reconnectPeriod: 0 })).rejects.toThrow()
  })

  it('keeps everything over a restart, and says clearly when the authority is away', async () => {
    const before = JSON.parse((await admin.run('channels', 'list', '--json')).out)
    authority.child.kill('SIGTERM')
    expect(await ended(authority.child)).toBe(0)
    const away = await admin.run('pub', '-t', 'iot/sensor', '-m', 'anybody?')
    expect(away).toMatchObject({ code: 5, err: expect.stringContaining('[authority-unreachable]') })
    authority = await serve(admin, data, '--http', new URL(authority.http).host, '--mqtt', new URL(authority.mqtt).host)
    expect(authority.setupCode).toBeNull()
    expect(JSON.parse((await admin.run('channels', 'list', '--json')).out)).toEqual(before)
    expect(await admin.run('pub', '-t', 'iot/sensor', '-m', 'back')).toMatchObject({ code: 0 })
  })

  it('answers wrong usage with 2 and a sentence, never with a stack trace', async () => {
    const wrong = [
      ['pub'],
      ['pub', '-t', 'iot/sensor'],
      ['pub', '-t', 'iot/sensor', '-m', 'x', '-q', '3'],
      ['sub'],
      ['frobnicate'],
      ['inspect'],
      ['login', '--server', 'nowhere', '--email', 'a@b.c', '--password-file', '/nowhere'],
    ]
    for (const words of wrong) {
      const { code, err } = await admin.run(...words)
      expect(code, words.join(' ')).toBe(2)
      expect(err).not.toMatch(/\n\s+at /)
    }
    expect(await admin.run('inspect', '00ff')).toMatchObject({ code: 1, err: expect.stringContaining('[malformed]') })
    const taken = await admin.run(
      'serve',
      '--data',
      temporaryFolder(),
      '--http',
      new URL(authority.http).host,
      '--mqtt',
      '127.0.0.1:0',
    )
    expect(taken).toMatchObject({ code: 1, err: expect.stringContaining('--http') })
    expect(taken.err).toContain('[port-in-use]')
  })

  it('signs out: the sender is gone, nothing secret of it is left', async () => {
    expect(await viewer.run('logout')).toMatchObject({ code: 0 })
    // What makes this a known device stays: it signs nobody in, and keeps strangers from locking the device out.
    expect(readdirSync(viewer.home).filter((name) => name.endsWith('.json'))).toEqual(['known-devices.json'])
    expect(await viewer.run('whoami')).toMatchObject({ code: 3, err: expect.stringContaining('[not-signed-in]') })
  })
})

describe('sealmq demo', () => {
  it('shows that the broker carried only ciphertext', async () => {
    const { code, out } = await new Installation().run('demo', '--messages', '20', '--json')
    expect(code).toBe(0)
    expect(JSON.parse(out)).toMatchObject({
      published: 20,
      carried: 20,
      opened: 20,
      verified: 20,
      rejected: 0,
      gaps: 0,
      plaintextSeenByBroker: false,
    })
  })
})

function filesHolding(folder: string, text: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile() && readFileSync(path).includes(text))
}
