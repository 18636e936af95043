import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { RunningAuthority, ServeOptions } from '../src/index.ts'

const program = fileURLToPath(new URL('./authority-child.ts', import.meta.url))

/** An authority in a process of its own. */
export class AuthorityProcess implements RunningAuthority {
  readonly httpUrl: string
  readonly mqttUrl: string
  readonly setupCode: string | null
  readonly caFile: string | null
  readonly #child: ChildProcess

  private constructor(child: ChildProcess, { httpUrl, mqttUrl, setupCode, caFile }: Omit<RunningAuthority, 'close'>) {
    this.#child = child
    this.httpUrl = httpUrl
    this.mqttUrl = mqttUrl
    this.setupCode = setupCode
    this.caFile = caFile
  }

  static async start(options: ServeOptions): Promise<AuthorityProcess> {
    const child = fork(program, { execArgv: ['--expose-gc'], stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
    const died = once(child, 'exit').then(([code]) => ({ refused: `the process ended with ${code}`, ready: undefined }))
    child.send(options)
    const answer = once(child, 'message').then(([message]) => message as Message)
    const { ready, refused } = await Promise.race([answer, died])
    if (ready) return new AuthorityProcess(child, ready)
    child.kill('SIGKILL')
    throw new Error(refused)
  }

  /** Ends it without a chance to say goodbye. Nothing of it runs any more when this resolves. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const exited = once(this.#child, 'exit')
    this.#child.kill('SIGKILL')
    await exited
  }

  close(): Promise<void> {
    return this.kill()
  }

  /** Whether it lives. */
  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Resident memory now, bytes. */
  memory(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
  }

  /** What is held after all garbage is collected, bytes: what grows here is never given back. */
  async liveMemory(): Promise<number> {
    const answer = once(this.#child, 'message')
    this.#child.send('live memory')
    const [{ liveMemory }] = (await answer) as [{ liveMemory: number }]
    return liveMemory
  }

  /** The most that it ever had resident, bytes. */
  peakMemory(): number {
    const status = readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)![1]) * 1024
  }
}

interface Message {
  ready?: Omit<RunningAuthority, 'close'>
  refused?: string
}
