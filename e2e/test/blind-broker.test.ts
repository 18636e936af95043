import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { appendFileSync, chmodSync, chownSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { afterAll, expect, it } from 'vitest'
import { freePort, takesConnections } from '../../scripts/free-port.ts'
import { publishCanaries, readFolder } from './canary.ts'
import { LoopbackCapture } from './loopback-capture.ts'
import { Plant } from './plant.ts'
import { binary, ended, Installation, serveUnder, temporaryFolder } from './sealmq-process.ts'
import { SecretSearch } from './secret-search.ts'

const installation = new Installation()
const processes: ChildProcess[] = []
afterAll(() => {
  installation.stop()
  for (const child of processes) child.kill('SIGKILL')
})

it('a Mosquitto of another user has no payload and no key: not in its files, its log or on the wire', {
  timeout: 300_000,
}, async () => {
  const folder = temporaryFolder()
  chmodSync(folder, 0o755)
  const capture = await LoopbackCapture.start(join(temporaryFolder(), 'loopback.pcap'))
  const made = await startMosquitto(join(folder, 'broker'))
  const authority = await startAuthority(join(folder, 'authority'), made)
  const close = async () => {
    authority.child.kill('SIGTERM')
    await ended(authority.child)
  }
  const { http, mqtt, setupCode, data } = authority
  const caFile = join(data, 'tls', 'ca.pem')
  const plant = await Plant.around({ httpUrl: http, mqttUrl: mqtt, setupCode, caFile, close })
  const { canaries, keys } = await publishCanaries(plant, mqtt, 30)
  expect(keys.length).toBeGreaterThan(canaries.length / 2)
  checkUsers(authority.child, data, made)

  // What it would look like: the same broker and the same client, and nothing sealed.
  const control = { text: randomBytes(16), key: randomBytes(32) }
  const clear = Buffer.from(`${control.text.toString('hex')} ${control.key.toString('base64url')} `.repeat(3000))
  const { broker } = await plant.enrol('careless', 'sensor')
  const careless = await plant.connectPlain(mqtt, broker)
  await careless.publishAsync('iot/sensor', clear, { qos: 1, retain: true })
  const last = randomBytes(16)
  await careless.publishAsync('iot/control', last, { qos: 1 })
  await capture.until(last)
  const { streams, dropped } = await capture.stop()
  await plant.stop()
  made.child.kill('SIGTERM')
  await ended(made.child)
  expect(dropped).toBe(0)

  const found = await readFolder(made.folder)
  found.set('log', Buffer.from(made.log()))
  found.set('traffic', Buffer.concat(streams.flatMap((stream) => [stream, Buffer.alloc(64)])))
  for (const place of ['mosquitto.db', 'log', 'traffic'])
    expect(found.get(place)!.includes('iot/sensor'), place).toBe(true)
  const master = readFileSync(join(data, 'master.key'), 'utf8').trim()
  const secrets = [...canaries.map((text) => Buffer.from(text)), ...keys, Buffer.from(master, 'base64url')]
  expect(secrets.at(-1)).toHaveLength(32)
  const search = new SecretSearch([control.text, control.key, ...secrets])
  const where = Object.fromEntries([...found].map(([name, bytes]) => [name, [...search.findIn(bytes)].sort()]))
  const controls = { 'mosquitto.db': [0, 1], traffic: [0, 1] }
  expect(where).toEqual({ ...Object.fromEntries([...found.keys()].map((name) => [name, []])), ...controls })
  for (const place of ['mosquitto.db', 'traffic']) expect(found.get(place)!.includes(clear), place).toBe(true)
})

interface Made {
  folder: string
  port: number
  passwordFile: string
  child: ChildProcess
  log: () => string
}

/** As `sealmq broker init` makes it, with everything logged. */
async function startMosquitto(folder: string): Promise<Made> {
  const port = await freePort()
  const words = ['--dir', folder, '--listen', `127.0.0.1:${port}`, '--json']
  const { out } = await installation.run('broker', 'init', 'mosquitto', ...words)
  const { command, passwordFile } = JSON.parse(out) as { command: string[]; passwordFile: string }
  appendFileSync(join(folder, 'mosquitto.conf'), 'log_type all\n')
  const child = spawn(command[0]!, command.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] })
  processes.push(child)
  let log = ''
  child.stderr.on('data', (chunk) => {
    log += chunk
  })
  while (!(await takesConnections(port))) await setTimeout(50)
  return { folder, port, passwordFile, child, log: () => log }
}

/** Under a user of its own when root runs this; its API with TLS, the broker without: the worst case for what is on the wire. */
async function startAuthority(parent: string, { port, passwordFile }: Made) {
  mkdirSync(parent, { mode: 0o700 })
  const user = authorityUser()
  for (const path of user ? [parent, passwordFile] : []) chownSync(path, user!.uid, user!.gid)
  const data = join(parent, 'data')
  const broker = ['--broker', `mosquitto://127.0.0.1:${port}`, '--broker-password-file', passwordFile]
  const running = await serveUnder(user?.become ?? [], installation, data, '--tls', ...broker)
  return { ...running, data }
}

// Where the programs are in a folder of root's alone, root is the authority's user: still another one than the broker's.
function authorityUser() {
  if (process.getuid?.() !== 0) return null
  const uid = Number(spawnSync('id', ['-u', 'nobody'], { encoding: 'utf8' }).stdout)
  const gid = Number(spawnSync('id', ['-g', 'nobody'], { encoding: 'utf8' }).stdout)
  const become = ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups']
  const reaches = spawnSync(become[0]!, [...become.slice(1), process.execPath, binary, '--version']).status === 0
  return reaches ? { uid, gid, become } : null
}

function checkUsers(authority: ChildProcess, data: string, { child, folder }: Made): void {
  const userOf = ({ pid }: ChildProcess) =>
    Number(/^Uid:\t(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1])
  expect(authority.pid).not.toBe(child.pid)
  if (process.getuid?.() !== 0) return
  const [ofAuthority, ofBroker] = [userOf(authority), userOf(child)]
  expect(ofBroker).not.toBe(ofAuthority)
  expect(ofBroker).not.toBe(0)
  const canRead = (user: number, path: string) =>
    spawnSync('setpriv', [`--reuid=${user}`, '--clear-groups', 'cat', path], { stdio: 'ignore' }).status === 0
  expect(canRead(ofAuthority, join(data, 'master.key'))).toBe(true)
  for (const path of ['master.key', 'sealmq.db', 'tls/server.key'])
    expect(canRead(ofBroker, join(data, path))).toBe(false)
  expect(canRead(ofBroker, join(folder, 'state', 'dynamic-security.json'))).toBe(true)
  expect(canRead(ofBroker, join(folder, 'administrator.password'))).toBe(false)
}
