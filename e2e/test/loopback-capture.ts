import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, readFileSync } from 'node:fs'
import { finished } from 'node:stream/promises'
import { tcpStreams } from './tcp-streams.ts'

/** All that goes over this machine's loopback, of whatever program, as tcpdump sees it. */
export class LoopbackCapture {
  readonly #file: string
  readonly #process: ChildProcess
  readonly #written: Promise<void>
  #said = ''
  #tail = Buffer.alloc(0)
  #awaited: { bytes: Buffer; seen: () => void } | null = null

  private constructor(file: string) {
    this.#file = file
    // To a pipe: its own user may not write into the folder. 64 MiB of buffer, so that a busy machine drops nothing.
    const words = ['tcpdump', '-i', 'lo', '-n', '-U', '-B', '65536', '-w', '-']
    const [program, ...more] = [...asRoot(), ...words]
    this.#process = spawn(program!, more, { stdio: ['ignore', 'pipe', 'pipe'] })
    this.#process.stdout!.on('data', (chunk: Buffer) => this.#look(chunk))
    this.#written = finished(this.#process.stdout!.pipe(createWriteStream(file)))
  }

  /** Captures from the return of this on. Needs root, or a user that may become it by sudo without a password. */
  static async start(file: string): Promise<LoopbackCapture> {
    const capture = new LoopbackCapture(file)
    const { stderr } = capture.#process
    await new Promise<void>((resolve, reject) => {
      capture.#process.once('error', () =>
        reject(new Error('tcpdump cannot be run: it needs root, or sudo without a password')),
      )
      capture.#process.once('exit', () => reject(new Error(`tcpdump ended: ${capture.#said}`)))
      stderr!.on('data', (chunk) => {
        capture.#said += chunk
        if (capture.#said.includes('listening on lo')) resolve()
      })
    })
    return capture
  }

  /** Waits until these bytes were captured, within one packet. */
  until(bytes: Buffer): Promise<void> {
    return new Promise((resolve) => {
      this.#awaited = { bytes, seen: resolve }
      this.#look(Buffer.alloc(0))
    })
  }

  #look(chunk: Buffer): void {
    if (!this.#awaited) {
      this.#tail = Buffer.concat([this.#tail, chunk]).subarray(-65_536)
      return
    }
    const { bytes, seen } = this.#awaited
    const held = Buffer.concat([this.#tail, chunk])
    if (held.includes(bytes)) seen()
    this.#tail = held.subarray(-65_536)
  }

  /** @returns each direction of each connection, and how many packets the kernel could not hand over */
  async stop(): Promise<{ streams: Buffer[]; dropped: number }> {
    const child = this.#process
    child.removeAllListeners('exit')
    const exit = once(child, 'exit')
    // Not ours to signal when it is root's.
    if (asRoot().length === 0) child.kill('SIGINT')
    else spawnSync('sudo', ['-n', 'kill', '-INT', String(child.pid)])
    await exit
    await this.#written
    const dropped = Number(/(\d+) packets? dropped by kernel/.exec(this.#said)?.[1])
    return { streams: tcpStreams(readFileSync(this.#file)), dropped }
  }
}

const asRoot = () => (process.getuid?.() === 0 ? [] : ['sudo', '-n'])
