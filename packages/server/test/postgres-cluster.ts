import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync } from 'node:fs'
import { chmod, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { freePort } from '../../../scripts/free-port.ts'

const run = promisify(execFile)

/** A PostgreSQL of its own on a free port, in a temporary folder; it ends with `stop`. */
export class PostgresCluster {
  readonly #folder: string
  readonly #port: number
  #databases = 0

  private constructor(folder: string, port: number) {
    this.#folder = folder
    this.#port = port
  }

  static async start(): Promise<PostgresCluster> {
    const folder = mkdtempSync(join(tmpdir(), 'sealmq-postgres-'))
    await chmod(folder, 0o777)
    const cluster = new PostgresCluster(folder, await freePort())
    await asPostgres('initdb', '-D', cluster.#data, '-U', 'sealmq', '--auth', 'trust', '--no-sync')
    await cluster.resume()
    return cluster
  }

  /** The URL of a new, empty database. */
  async createDatabase(): Promise<string> {
    const name = `store${++this.#databases}`
    const client = new pg.Client({ connectionString: this.#url('postgres') })
    await client.connect()
    await client.query(`create database ${name}`)
    await client.end()
    return this.#url(name)
  }

  /** Ends every connection and the server; `resume` starts it again. */
  async pause(): Promise<void> {
    await asPostgres('pg_ctl', '-D', this.#data, '-m', 'immediate', '-w', 'stop')
  }

  async resume(): Promise<void> {
    const options = `-c listen_addresses=127.0.0.1 -c port=${this.#port} -c unix_socket_directories=${this.#folder}`
    await asPostgres('pg_ctl', '-D', this.#data, '-l', join(this.#folder, 'log'), '-o', options, '-w', 'start')
  }

  async stop(): Promise<void> {
    await this.pause().catch(() => {})
    await rm(this.#folder, { recursive: true, force: true })
  }

  get #data(): string {
    return join(this.#folder, 'data')
  }

  #url(database: string): string {
    return `postgres://sealmq@127.0.0.1:${this.#port}/${database}`
  }
}

// PostgreSQL refuses to run as root.
async function asPostgres(program: string, ...words: string[]): Promise<void> {
  const [version] = readdirSync('/usr/lib/postgresql').sort((a, b) => Number(b) - Number(a))
  const path = join('/usr/lib/postgresql', version!, 'bin', program)
  const command = userInfo().uid === 0 ? ['runuser', '-u', 'postgres', '--', path, ...words] : [path, ...words]
  await run(command[0]!, command.slice(1), { cwd: tmpdir(), env: { ...process.env, LC_ALL: 'C.UTF-8' } })
}
