import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { Identity } from '@sealmq/client'

export const binary = fileURLToPath(new URL('../../packages/cli/bin/sealmq.js', import.meta.url))

export const temporaryFolder = (): string => mkdtempSync(join(tmpdir(), 'sealmq-e2e-'))

// Hundreds of commands are started: they share what they compiled, and collect no garbage while they load.
const quickStart = {
  NODE_OPTIONS: '--max-semi-space-size=16',
  NODE_COMPILE_CACHE: join(tmpdir(), `sealmq-e2e-compiled-${process.pid}`),
}

/** What a finished command left. */
export interface Finished {
  code: number | null
  out: string
  err: string
}

/** One person's installation: a folder of credentials of its own. */
export class Installation {
  readonly home = temporaryFolder()
  readonly #started = new Set<ChildProcess>()

  /** Writes a password file and gives its path. */
  passwordFile(password: string): string {
    const path = join(this.home, `password-${Buffer.from(password).toString('hex').slice(0, 32)}`)
    writeFileSync(path, `${password}\n`, { mode: 0o600 })
    return path
  }

  /** Puts an identity there as `sealmq login` does; its session is none. */
  signIn(identity: Identity): void {
    const session = { token: 'A'.repeat(43), expiresAt: Date.now() + 3_600_000 }
    writeFileSync(
      join(this.home, 'credentials.json'),
      JSON.stringify({
        server: identity.authority,
        ca: identity.ca,
        email: 'cli@plant.example',
        session,
        state: 'active',
        senderName: 'cli',
        identity,
      }),
      { mode: 0o600 },
    )
  }

  /** Starts `sealmq` with these words. */
  start(...words: string[]): ChildProcess {
    return this.startWith({}, ...words)
  }

  startWith(environment: Record<string, string>, ...words: string[]): ChildProcess {
    return this.#spawn(environment, [process.execPath, binary, ...words])
  }

  /** Starts it as the child of another program. */
  startUnder(program: readonly string[], ...words: string[]): ChildProcess {
    return this.#spawn({}, [...program, process.execPath, binary, ...words])
  }

  #spawn(environment: Record<string, string>, [program, ...words]: string[]): ChildProcess {
    const child = spawn(program!, words, {
      env: { ...process.env, SEALMQ_HOME: this.home, ...quickStart, ...environment },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.#started.add(child)
    child.once('exit', () => this.#started.delete(child))
    return child
  }

  /** Runs `sealmq` to its end. */
  run(...words: string[]): Promise<Finished> {
    return this.runWithInput('', ...words)
  }

  runWithInput(input: string, ...words: string[]): Promise<Finished> {
    const child = this.start(...words)
    child.stdin!.end(input)
    return finished(child)
  }

  stop(): void {
    for (const child of this.#started) child.kill('SIGKILL')
  }
}

/** Waits for a process's end and gives what it wrote. */
export function finished(child: ChildProcess): Promise<Finished> {
  let out = ''
  let err = ''
  child.stdout!.on('data', (chunk) => {
    out += chunk
  })
  child.stderr!.on('data', (chunk) => {
    err += chunk
  })
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })))
}

/** Gives a process's lines one after another. */
export function lines(child: ChildProcess, stream: 'stdout' | 'stderr' = 'stdout'): AsyncIterator<string> {
  return createInterface({ input: child[stream]! })[Symbol.asyncIterator]()
}

/** Reads lines until one fits. */
export async function lineThat(from: AsyncIterator<string>, fits: (line: string) => boolean): Promise<string> {
  for (;;) {
    const { value, done } = await from.next()
    if (done) throw new Error('the process ended before the line that was waited for')
    if (fits(value)) return value
  }
}

export interface Ready {
  http: string
  mqtt: string
  setupCode: string | null
}

/** Starts the authority on free ports and waits until it is ready. */
export function serve(
  installation: Installation,
  data: string,
  ...more: string[]
): Promise<Ready & { child: ChildProcess }> {
  return serveUnder([], installation, data, ...more)
}

/** The same as the child of another program, or what it becomes. */
export async function serveUnder(
  program: readonly string[],
  installation: Installation,
  data: string,
  ...more: string[]
): Promise<Ready & { child: ChildProcess }> {
  const child = installation.startUnder(
    program,
    'serve',
    '--data',
    data,
    '--http',
    '127.0.0.1:0',
    '--mqtt',
    '127.0.0.1:0',
    '--json',
    '--log-level',
    'warn',
    ...more,
  )
  child.stderr!.resume()
  const line = await lineThat(lines(child), (text) => text.includes('"ready"'))
  return { ...(JSON.parse(line) as Ready), child }
}

/** Waits until a process has ended. */
export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode)
  return new Promise((resolve) => child.once('exit', resolve))
}
