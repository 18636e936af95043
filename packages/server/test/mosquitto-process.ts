import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'
import mqtt from 'mqtt'
import { freePort } from '../../../scripts/free-port.ts'
import { mosquittoConfiguration, securityFile } from '../src/broker/mosquitto/configuration.ts'
import type { Answer } from '../src/broker/mosquitto/control-connection.ts'
import { initialSecurity } from '../src/broker/mosquitto/initial-security.ts'
import { findMosquitto, mosquittoUser } from '../src/broker/mosquitto/installation.ts'
import type { Command } from '../src/broker/mosquitto/security-state.ts'
import type { BrokerSetting } from '../src/index.ts'

const administrator = { username: 'sealmq-authority', password: 'the administrator of a test' }
/** A real Mosquitto with the dynamic security plugin, on a free port and in a folder of its own. */
export class MosquittoProcess {
  readonly folder: string
  readonly port: number
  readonly log: string[] = []
  #child: ChildProcess | null = null

  private constructor(folder: string, port: number) {
    this.folder = folder
    this.port = port
  }

  /** @param lines Of the configuration, beside the usual ones; null takes the plugin away. */
  static async start(
    more: { lines?: string[]; plugin?: boolean; anonymous?: boolean } = {},
  ): Promise<MosquittoProcess> {
    const mosquitto = await MosquittoProcess.prepare(more)
    await mosquitto.resume()
    return mosquitto
  }

  static async prepare({
    lines = [],
    plugin = true,
    anonymous = false,
  }: {
    lines?: string[]
    plugin?: boolean
    anonymous?: boolean
  } = {}): Promise<MosquittoProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'sealmq-dynsec-'))
    // Started by root, Mosquitto runs as a user of its own.
    chmodSync(folder, 0o777)
    const mosquitto = new MosquittoProcess(folder, await freePort())
    const { plugin: path } = await findMosquitto()
    const { port } = mosquitto
    const user = (await mosquittoUser())?.name ?? null
    const written = mosquittoConfiguration({
      folder,
      host: '127.0.0.1',
      port,
      tls: null,
      plugin: path,
      user,
      autosave: 1,
    })
    const configuration = [...written.split('\n'), 'log_type information', ...lines].filter(
      (line) => plugin || !line.startsWith('plugin'),
    )
    writeFileSync(
      join(folder, 'mosquitto.conf'),
      configuration.join('\n').replace('allow_anonymous false', `allow_anonymous ${anonymous}`),
    )
    mosquitto.forgetSecurity()
    return mosquitto
  }

  get securityFile(): string {
    return securityFile(this.folder)
  }

  get url(): string {
    return `mqtt://127.0.0.1:${this.port}`
  }

  /** How the authority is told of it. */
  setting(different: Partial<BrokerSetting> = {}): BrokerSetting {
    return {
      address: { host: '127.0.0.1', port: this.port, tls: false, ca: null, ...administrator },
      publicUrl: null,
      wait: false,
      allowAnonymous: false,
      exclusive: false,
      reportOnly: false,
      ...different,
    }
  }

  /** As it is made new: the administrator alone, what the plugin allows by default. */
  forgetSecurity(): void {
    const security = JSON.parse(initialSecurity(administrator))
    // As mosquitto_ctrl makes it: whoever may subscribe is given what is published.
    security.defaultACLAccess.publishClientReceive = true
    writeFileSync(this.securityFile, JSON.stringify(security))
    chmodSync(this.securityFile, 0o666)
  }

  /** Its administrator has another password: as after a file that somebody put in its place. */
  spoilAdministrator(): void {
    writeFileSync(this.securityFile, initialSecurity({ ...administrator, password: 'another' }))
    chmodSync(this.securityFile, 0o666)
  }

  async resume(): Promise<void> {
    // A file that gets too long is an error and not the end.
    const words = ['--ignore-signal=XFSZ', 'mosquitto', '-c', join(this.folder, 'mosquitto.conf')]
    const child = spawn('env', words, {
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    })
    this.#child = child
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.log.push(line)
        if (line.endsWith(' running')) resolve()
      })
      child.once('exit', (code) => reject(new Error(`mosquitto ended with ${code}: ${this.log.join('\n')}`)))
    })
  }

  /** SIGTERM saves, SIGKILL does not. */
  async end(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#child
    this.#child = null
    if (!child || child.exitCode !== null) return
    child.removeAllListeners('exit')
    const ended = once(child, 'exit')
    child.kill(signal)
    // It says that it runs before it listens to signals: one that comes in between is lost.
    const again = setInterval(() => child.kill(signal), 500)
    await ended.finally(() => clearInterval(again))
  }

  /** Holds its breath: connections stay, nothing is answered. */
  freeze(): void {
    this.#child?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#child?.kill('SIGCONT')
  }

  /** Commands as somebody else who may administer it sends them. */
  async command(...commands: Command[]): Promise<Answer[]> {
    const topic = '$CONTROL/dynamic-security/v1'
    const client = await mqtt.connectAsync(this.url, { ...administrator, reconnectPeriod: 0 })
    await client.subscribeAsync(`${topic}/response`, { qos: 1 })
    const answered = new Promise<Answer[]>((resolve) => {
      client.on('message', (_topic, payload) => resolve(JSON.parse(payload.toString()).responses))
    })
    await client.publishAsync(topic, JSON.stringify({ commands }), { qos: 1 })
    const answers = await answered
    await client.endAsync()
    return answers
  }

  /** No file may be longer than this from now on: what a full disk is to it, for anybody who runs the tests. */
  async limitFiles(bytes: number | 'unlimited'): Promise<void> {
    const user = await mosquittoUser()
    // Root of a container may not, without CAP_SYS_RESOURCE; each user may do it to its own.
    const asOwner = user ? ['setpriv', `--reuid=${user.uid}`, `--regid=${user.gid}`, '--clear-groups'] : []
    const [program, ...words] = [...asOwner, 'prlimit', '--pid', String(this.#child!.pid), `--fsize=${bytes}:`]
    execFileSync(program!, words)
  }

  /** It can write its rights no more: the file is nobody's to write. */
  spoilSecurityFile(): void {
    chmodSync(this.securityFile, 0o444)
  }

  /** What it has on disk, once a whole file is there: it writes in place, so a reader may come in between. */
  async saved(): Promise<{ clients: { username: string }[]; roles: { rolename: string }[] }> {
    for (;;) {
      const text = readFileSync(this.securityFile, 'utf8')
      try {
        return JSON.parse(text)
      } catch {
        await setTimeout(10)
      }
    }
  }
}
