import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { freePort } from '../../scripts/free-port.ts'

/** A Mosquitto that lets everybody do everything: the broker of an attacker. */
export class Mosquitto {
  readonly url: string
  /** Where it keeps what it stores. */
  readonly folder: string
  /** What it logged, everything being logged. */
  readonly log: string[] = []
  readonly #configuration: string
  #process: ChildProcess | null = null

  private constructor(port: number, folder: string, more: readonly string[]) {
    this.url = `mqtt://127.0.0.1:${port}`
    this.folder = folder
    this.#configuration = join(folder, 'mosquitto.conf')
    writeFileSync(
      this.#configuration,
      [
        `listener ${port} 127.0.0.1`,
        'allow_anonymous true',
        'persistence true',
        `persistence_location ${folder}/`,
        'autosave_interval 1',
        'autosave_on_changes true',
        'max_queued_messages 0',
        'log_dest stderr',
        'log_type all',
        ...more,
        '',
      ].join('\n'),
    )
  }

  /** @param more lines of the configuration */
  static async start(...more: string[]): Promise<Mosquitto> {
    const folder = mkdtempSync(join(tmpdir(), 'sealmq-mosquitto-'))
    chmodSync(folder, 0o777)
    const mosquitto = new Mosquitto(await freePort(), folder, more)
    await mosquitto.resume()
    return mosquitto
  }

  async resume(): Promise<void> {
    const child = spawn('mosquitto', ['-c', this.#configuration], { stdio: ['ignore', 'ignore', 'pipe'] })
    this.#process = child
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stderr }).on('line', (line) => {
        this.log.push(line)
        if (line.endsWith(' running')) resolve()
      })
      child.once('exit', (code) => reject(new Error(`mosquitto ended with ${code}`)))
    })
  }

  /** Ends it in order: everything is stored. */
  async stop(): Promise<void> {
    const child = this.#process
    this.#process = null
    if (!child || child.exitCode !== null) return
    child.removeAllListeners('exit')
    child.kill('SIGTERM')
    await once(child, 'exit')
  }

  /** Ends it without a chance to say goodbye. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = null
    if (!child || child.exitCode !== null) return
    child.removeAllListeners('exit')
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
}
