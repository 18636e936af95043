import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type BrokerSetting, initialiseMosquitto, type RunningAuthority, startAuthority } from '@sealmq/server'
import { freePort, takesConnections } from '../../scripts/free-port.ts'
import { Plant } from './plant.ts'
import { temporaryFolder } from './sealmq-process.ts'

/** A plant behind a Mosquitto as `sealmq broker init` makes it, in a process of its own. */
export class GovernedMosquitto {
  readonly port: number
  readonly plant: Plant
  readonly #child: ChildProcess

  private constructor(port: number, plant: Plant, child: ChildProcess) {
    this.port = port
    this.plant = plant
    this.#child = child
  }

  static async start(): Promise<GovernedMosquitto> {
    const parent = temporaryFolder()
    // Started by root, Mosquitto runs as a user of its own.
    chmodSync(parent, 0o755)
    const port = await freePort()
    const place = { folder: join(parent, 'broker'), host: '127.0.0.1', port, tls: null }
    const { command, passwordFile } = await initialiseMosquitto({ ...place, now: Date.now() })
    const [program, ...words] = command
    const child = spawn(program!, words, { stdio: 'ignore' })
    try {
      await listening(child, port)
      const password = readFileSync(passwordFile, 'utf8').trim()
      return new GovernedMosquitto(port, await Plant.around(await startBehind(port, password)), child)
    } catch (error) {
      child.kill('SIGKILL')
      throw error
    }
  }

  async stop(): Promise<void> {
    await this.plant.stop()
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    await ended
  }
}

function startBehind(port: number, password: string): Promise<RunningAuthority> {
  const broker: BrokerSetting = {
    address: { host: '127.0.0.1', port, tls: false, ca: null, username: 'sealmq-authority', password },
    publicUrl: null,
    wait: false,
    allowAnonymous: false,
    exclusive: false,
    reportOnly: false,
  }
  return startAuthority({
    dataDir: temporaryFolder(),
    http: { host: '127.0.0.1', port: 0 },
    mqtt: { host: '127.0.0.1', port: 0 },
    broker,
    tls: null,
    store: null,
    allowPlain: false,
    masterKey: null,
    logLevel: 'silent',
    name: null,
  })
}

// Its configuration does not have it say when it is ready.
async function listening(child: ChildProcess, port: number): Promise<void> {
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}`)
    await setTimeout(20)
  }
}
