import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, describe, expect, it } from 'vitest'
import { freePort, takesConnections } from '../../scripts/free-port.ts'
import { ended, finished, Installation, lines, lineThat, serve, temporaryFolder } from './sealmq-process.ts'

const password = 'correct horse battery staple'

interface Initialised {
  command: string[]
  passwordFile: string
  caFile: string | null
}

describe('a Mosquitto made by sealmq broker init', { timeout: 300_000 }, () => {
  const admin = new Installation()
  const brokers: ChildProcess[] = []
  afterAll(() => {
    admin.stop()
    for (const broker of brokers) broker.kill('SIGKILL')
  })

  async function initialise(...more: string[]) {
    const parent = temporaryFolder()
    // Started by root, Mosquitto runs as a user of its own.
    chmodSync(parent, 0o755)
    const folder = join(parent, 'broker')
    const port = await freePort()
    const words = ['broker', 'init', 'mosquitto', '--dir', folder, '--listen', `127.0.0.1:${port}`, '--json', ...more]
    const { code, out, err } = await admin.run(...words)
    expect([code, err]).toEqual([0, ''])
    return { folder, port, ...(JSON.parse(out) as Initialised) }
  }
  async function start(made: { command: string[]; port: number }): Promise<ChildProcess> {
    const [program, ...words] = made.command
    const broker = spawn(program!, words, { stdio: 'ignore' })
    brokers.push(broker)
    while (!(await takesConnections(made.port))) await setTimeout(50)
    return broker
  }

  it('carries what the authority lets through, and shows it when it was edited', async () => {
    const made = await initialise()
    for (const name of ['administrator.password', 'state/dynamic-security.json', 'initial-security.json'])
      expect(statSync(join(made.folder, name)).mode & 0o777, name).toBe(0o600)
    const again = await admin.run('broker', 'init', 'mosquitto', '--dir', made.folder)
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('[folder-in-use]') })
    await start(made)
    const data = temporaryFolder()
    const broker = ['--broker', `mosquitto://127.0.0.1:${made.port}`, '--broker-password-file', made.passwordFile]
    const { http, mqtt, setupCode } = await serve(admin, data, ...broker)
    expect(mqtt).toBe(`mqtt://127.0.0.1:${made.port}`)
    await setUp(admin, http, setupCode!)
    await passMessage(admin)
    const administrator = ['-u', 'sealmq-authority', '-P', readFileSync(made.passwordFile, 'utf8').trim()]
    const control = (...words: string[]) =>
      execFileSync('mosquitto_ctrl', ['-h', '127.0.0.1', '-p', String(made.port), ...administrator, 'dynsec', ...words])
    const role = /^sealmq-.*$/m.exec(control('listRoles').toString())![0]
    const right = await admin.run('broker', 'check')
    expect(right).toMatchObject({ code: 0, err: expect.stringContaining('allows exactly what the policy says') })
    expect(right.out).toMatch(/^ROLE +ADMIN +CONTROL +LOGIN +SENSOR +ELSEWHERE +ASKED\nadmin +p- +ps +ps +ps +--/)
    control('addRoleACL', role, 'subscribePattern', '#', 'allow', '5')
    const wrong = await admin.run('broker', 'check')
    expect(wrong.code).toBe(1)
    expect(wrong.out).toContain('admin may subscribe $SYS/#: the policy says otherwise.')
    expect(await admin.run('broker', 'reconcile')).toMatchObject({
      code: 0,
      out: expect.stringContaining('has other ACLs'),
    })
    expect((await admin.run('broker', 'check')).code).toBe(0)
    brokers[0]!.kill('SIGKILL')
    while ((await admin.run('broker', 'status')).code !== 6) await setTimeout(50)
    // As a kill in the middle of a writing leaves it.
    writeFileSync(join(made.folder, 'state', 'dynamic-security.json'), '')
    await start(made)
    await lineWhen(admin, /rights +in-force/)
    await passMessage(admin)
  })

  it('speaks TLS with a certificate by the CA of the authority', async () => {
    const data = temporaryFolder()
    const made = await initialise('--tls', '--data', data)
    expect(made.caFile).toBe(join(data, 'tls', 'ca.pem'))
    await start(made)
    const broker = ['--broker', `mosquittos://localhost:${made.port}`, '--broker-password-file', made.passwordFile]
    const untrusted = admin.start('serve', '--data', data, '--tls', ...broker)
    expect(await finished(untrusted)).toMatchObject({ code: 1, err: expect.stringContaining('[broker-untrusted]') })
    const { http, setupCode } = await serve(admin, data, '--tls', ...broker, '--broker-ca', made.caFile!)
    await setUp(admin, http, setupCode!, '--ca', made.caFile!)
    await passMessage(admin)
  })

  it('stops the start of the authority with one sentence when it is not there', async () => {
    const secret = admin.passwordFile('the password of nobody')
    const words = ['--broker', 'mosquitto://127.0.0.1:1', '--broker-password-file', secret]
    const result = await finished(admin.start('serve', '--data', temporaryFolder(), ...words))
    expect(result).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^sealmq: .*\[broker-unreachable\]\n$/),
    })
    expect(result.err).not.toContain('the password of nobody')
  })

  async function lineWhen(installation: Installation, fits: RegExp): Promise<void> {
    while (!fits.test((await installation.run('broker', 'status')).out)) await setTimeout(50)
  }
})

async function setUp(admin: Installation, server: string, code: string, ...more: string[]): Promise<void> {
  const words = ['--server', server, '--code', code, '--email', 'ada@plant.example', '--name', 'Ada']
  const result = await admin.run('setup', ...words, '--password-file', admin.passwordFile(password), ...more)
  expect(result).toMatchObject({ code: 0 })
}

async function passMessage(admin: Installation): Promise<void> {
  const subscriber = admin.start('sub', '-t', 'iot/sensor', '-q', '1', '-C', '1', '-d')
  const finish = finished(subscriber)
  await lineThat(lines(subscriber, 'stderr'), (line) => line.includes('[subscribed]'))
  expect(await admin.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'by another broker')).toMatchObject({ code: 0 })
  expect(await finish).toMatchObject({ code: 0, out: 'by another broker\n' })
  await ended(subscriber)
}
