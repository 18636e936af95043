import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort, takesConnections } from '../../scripts/free-port.ts'
import { Plant } from './plant.ts'
import { ended, Installation, lines, lineThat, type Ready, temporaryFolder } from './sealmq-process.ts'

const repository = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '')
const units = join(repository, 'packaging', 'systemd')
const names = readdirSync(units).filter((name) => name.endsWith('.service'))
const dropIn = join('sealmq-authority.service.d', 'mosquitto.conf')

describe('systemd units', { timeout: 120_000 }, () => {
  const installation = new Installation()
  const processes: ChildProcess[] = []
  const folder = temporaryFolder()
  // Where they stand on a plant's machine, and where they stand here.
  const places = new Map([
    ['/opt/sealmq', repository],
    ['/srv/mosquitto', join(folder, 'mosquitto')],
    ['/var/lib/', `${folder}/`],
    ['/etc/sealmq', folder],
  ])
  let port = 0

  const read = (name: string) =>
    [...places].reduce((text, [there, here]) => text.replaceAll(there, here), readFileSync(join(units, name), 'utf8'))
  const commandOf = (name: string) => /^ExecStart=(\S.*)$/m.exec(read(name))![1]!
  const start = (name: string, environment: Record<string, string> = {}) => {
    const words = commandOf(name).split(' ')
    const [program, ...more] = words.map((word) =>
      word.replace(/\$\{(\w+)\}/g, (_, variable) => environment[variable]!),
    )
    const env = { ...process.env, NODE_OPTIONS: '', ...environment }
    const child = spawn(program!, more, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stderr.resume()
    processes.push(child)
    return child
  }
  /** All units in a folder of their own, with what makes one of them another. */
  const copied = (change: (text: string, name: string) => string, ...more: string[]) => {
    const target = temporaryFolder()
    mkdirSync(join(target, 'sealmq-authority.service.d'))
    for (const name of [...names, ...more]) writeFileSync(join(target, name), change(read(name), name))
    return names.map((name) => join(target, name))
  }
  const analyze = (...words: string[]) => {
    const { status, stdout, stderr } = spawnSync('systemd-analyze', words, { encoding: 'utf8' })
    return { status, said: stdout + stderr }
  }
  const verify = (paths: string[]) => analyze('verify', '--man=no', '--recursive-errors=no', ...paths)

  beforeAll(async () => {
    chmodSync(folder, 0o755)
    port = await freePort()
    const words = ['--dir', join(folder, 'mosquitto'), '--listen', `127.0.0.1:${port}`]
    expect(await installation.run('broker', 'init', 'mosquitto', ...words)).toMatchObject({ code: 0 })
  })
  afterAll(() => {
    installation.stop()
    for (const child of processes) child.kill('SIGKILL')
  })

  it('are right, with the embedded broker and with Mosquitto', () => {
    expect(names).toHaveLength(3)
    expect(verify(copied((text) => text))).toEqual({ status: 0, said: '' })
    expect(verify(copied((text) => text, dropIn))).toEqual({ status: 0, said: '' })
    const misspelt = verify(copied((text) => text.replaceAll('ProtectHome', 'ProtectHouse')))
    expect(misspelt.said).toContain("'ProtectHouse'")
    const elsewhere = verify(copied((text) => text.replaceAll('start.sh', 'run.sh')))
    expect(elsewhere).toMatchObject({ status: 1, said: expect.stringContaining('run.sh') })
  })

  it('give the processes little of the machine', () => {
    // In tenths of a level from 0 to 10; a unit that says nothing has 9.6.
    const exposed = (path: string) => analyze('security', '--offline=true', '--no-pager', '--threshold=16', path).status
    for (const path of copied((text) => text)) expect(exposed(path), path).toBe(0)
    for (const path of copied((text) => text.replace('ProtectSystem=strict', '').replace('CapabilityBoundingSet=', '')))
      expect(exposed(path), path).toBe(1)
  })

  it('start Mosquitto, the authority and a gateway that carry a message, and end them in order', async () => {
    const broker = start('sealmq-mosquitto.service')
    while (!(await takesConnections(port))) await setTimeout(50)
    const settings = { http: '127.0.0.1:0', broker: `mosquitto://127.0.0.1:${port}`, logLevel: 'warn' }
    writeFileSync(join(folder, 'authority.json'), JSON.stringify(settings))
    // What LoadCredential= does.
    copyFileSync(join(folder, 'mosquitto', 'administrator.password'), join(folder, 'broker.password'))
    const authority = start(dropIn, { CREDENTIALS_DIRECTORY: folder })
    const ready = await readyOf(authority)
    const { http, mqtt, setupCode } = ready as Ready
    const plant = await Plant.around({ httpUrl: http, mqttUrl: mqtt, setupCode, caFile: null, close: async () => {} })
    const identity = await plant.enrol('gateway', 'sensor')
    const home = join(folder, 'sealmq-gateway')
    installation.signIn(identity)
    cpSync(installation.home, home, { recursive: true })
    const machine = { user: 'press-7', passwordFile: 'press-7.password', publish: ['#'], subscribe: [] }
    writeFileSync(join(folder, machine.passwordFile), 'oil and steel\n', { mode: 0o600 })
    const listener = await freePort()
    const config = {
      plant: { home },
      machines: { listen: { port: listener, users: [machine] } },
      queue: { folder: join(home, 'queue') },
      rules: [{ direction: 'up', from: 'press/values', to: 'iot/sensor' }],
    }
    // JSON is YAML.
    writeFileSync(join(folder, 'gateway.yaml'), JSON.stringify(config))
    const gateway = start('sealmq-gateway.service', { SEALMQ_HOME: home })
    await readyOf(gateway)
    const reader = await plant.connect(await plant.enrol('reader'))
    const arrived = new Promise<string>((resolve) =>
      reader.on('message', (_topic, payload) => resolve(new TextDecoder().decode(payload))),
    )
    await reader.subscribeAsync('iot/sensor', { qos: 1 })
    const press = await plant.connectPlain(`mqtt://127.0.0.1:${listener}`, {
      username: 'press-7',
      password: 'oil and steel',
    })
    await press.publishAsync('press/values', '{"pressure":0.38}', { qos: 1 })
    expect(await arrived).toBe('{"pressure":0.38}')
    await plant.stop()
    for (const child of [gateway, authority, broker]) {
      child.kill('SIGTERM')
      expect(await ended(child)).toBe(0)
    }
  })
})

async function readyOf(child: ChildProcess): Promise<unknown> {
  return JSON.parse(await lineThat(lines(child), (line) => line.includes('"ready"')))
}
