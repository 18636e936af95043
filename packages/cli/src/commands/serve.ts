import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { collect } from '../flags.ts'
import { note, print } from '../output.ts'

interface ServeFlags {
  data?: string
  http?: string
  mqtt?: string
  tls?: boolean
  tlsName?: string[]
  tlsCert?: string
  tlsKey?: string
  store?: string
  allowPlain?: boolean
  config?: string
  name?: string
  logLevel?: string
  json?: boolean
}

/** What the settings are called in the file and, as SEALMQ_…, in the environment. */
const settings = {
  data: './sealmq-data',
  http: '127.0.0.1:8080',
  mqtt: '127.0.0.1:1883',
  tls: false,
  tlsName: [] as string[],
  tlsCert: null as string | null,
  tlsKey: null as string | null,
  store: null as string | null,
  allowPlain: false,
  name: null as string | null,
  logLevel: 'info',
}
type Settings = typeof settings

/** serve: the authority with its embedded broker. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('run the authority with its embedded broker')
    .option('--data <folder>', `data folder (default ${settings.data})`)
    .option('--http <host:port>', `where the API listens (default ${settings.http})`)
    .option('--mqtt <host:port>', `where the embedded broker listens (default ${settings.mqtt})`)
    .option('--tls', 'HTTPS and MQTTS with a certificate by a CA made here')
    .option('--tls-name <name>', 'host name or address for that certificate; may be given several times', collect)
    .option('--tls-cert <file>', 'HTTPS and MQTTS with this certificate chain (PEM)')
    .option('--tls-key <file>', 'and this key (PEM)')
    .option('--store <url>', 'postgres://… (default: SQLite in the data folder)')
    .option('--allow-plain', 'plain transport also beyond loopback')
    .option('--name <name>', 'what the deployment is called')
    .option('--config <file>', 'JSON file with these settings')
    .option('--log-level <level>', 'fatal, error, warn, info or debug (default info, to standard error)')
    .option('--json', 'print one line of JSON when ready')
    .addHelpText(
      'after',
      '\nFlags come before the environment (SEALMQ_DATA, SEALMQ_HTTP, SEALMQ_TLS_NAME, …), and that before the file.\nThe master key may be given as SEALMQ_MASTER_KEY; else it is the file master.key in the data folder.',
    )
    .action(serve)
}

async function serve(flags: ServeFlags): Promise<void> {
  const chosen = { ...settings, ...(await fromFile(flags)), ...fromEnvironment(), ...fromFlags(flags) }
  const { startAuthority, StartError } = await import('@sealmq/server')
  const authority = await startAuthority({
    dataDir: chosen.data,
    http: endpoint('--http', chosen.http),
    mqtt: endpoint('--mqtt', chosen.mqtt),
    tls: tlsSetting(chosen),
    store: chosen.store,
    allowPlain: chosen.allowPlain,
    masterKey: process.env.SEALMQ_MASTER_KEY ?? null,
    logLevel: chosen.logLevel,
    name: chosen.name,
  }).catch((error) => {
    throw error instanceof StartError ? new CommandError(error.code, error.message) : error
  })
  const { httpUrl, mqttUrl, setupCode, caFile } = authority
  if (flags.json) print(JSON.stringify({ event: 'ready', http: httpUrl, mqtt: mqttUrl, setupCode }))
  else {
    print(
      `SealMQ is ready: API ${httpUrl}, described at ${httpUrl}/api/docs; broker ${mqttUrl}; data in ${chosen.data}`,
    )
    if (caFile) print(`Clients trust it with --ca ${caFile}`)
    if (setupCode) {
      print(
        `There is no administrator yet. In another terminal:\n\n  npx sealmq setup --server ${httpUrl} --code ${setupCode} --email YOU@EXAMPLE.COM --name "YOUR NAME"${caFile ? ` --ca ${caFile}` : ''}\n`,
      )
    }
    print('Ctrl+C stops it.')
  }
  const signal = await new Promise<string>((resolve) => process.once('SIGINT', resolve).once('SIGTERM', resolve))
  if (!flags.json) note(`${signal}: stopping`)
  await authority.close()
}

function tlsSetting({ tls, tlsName, tlsCert, tlsKey }: Settings) {
  if ((tlsCert === null) !== (tlsKey === null)) {
    throw new CommandError('bad-setting', '--tls-cert and --tls-key belong together. Give both.', exitCodes.usage)
  }
  if (tlsCert !== null && tlsKey !== null) return { kind: 'files' as const, cert: tlsCert, key: tlsKey }
  return tls ? { kind: 'local' as const, names: tlsName } : null
}

function endpoint(flag: string, text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s]+)):(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  if (!match || port > 65_535)
    throw new CommandError(
      'bad-setting',
      `${flag} ${text} is not HOST:PORT, for example 127.0.0.1:8080.`,
      exitCodes.usage,
    )
  return { host: (match[1] ?? match[2])!, port }
}

function fromFlags({ json: _, config: __, ...flags }: ServeFlags): Partial<Settings> {
  return flags
}

function fromEnvironment(): Partial<Settings> {
  const found: Record<string, unknown> = {}
  for (const [name, fallback] of Object.entries(settings)) {
    const variable = `SEALMQ_${name.replaceAll(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`
    const value = process.env[variable]
    if (value !== undefined) found[name] = readSetting(variable, value, fallback)
  }
  return found
}

async function fromFile({ config = process.env.SEALMQ_CONFIG }: ServeFlags): Promise<Partial<Settings>> {
  if (config === undefined) return {}
  const text = await readFile(config, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('bad-setting', `--config ${config} cannot be read (${error.code}).`, exitCodes.usage)
  })
  const content = parseObject(config, text)
  for (const [name, value] of Object.entries(content)) {
    if (!(name in settings))
      throw new CommandError(
        'bad-setting',
        `${config}: there is no setting ${name}. There are ${Object.keys(settings).join(', ')}.`,
        exitCodes.usage,
      )
    const fallback = settings[name as keyof Settings]
    const isRight = Array.isArray(fallback)
      ? Array.isArray(value) && value.every((item) => typeof item === 'string')
      : typeof value === (typeof fallback === 'boolean' ? 'boolean' : 'string')
    if (!isRight)
      throw new CommandError(
        'bad-setting',
        `${config}: ${name} has the wrong type. See sealmq serve --help.`,
        exitCodes.usage,
      )
  }
  return content
}

function parseObject(path: string, text: string): Record<string, unknown> {
  try {
    const content: unknown = JSON.parse(text)
    if (content !== null && typeof content === 'object' && !Array.isArray(content))
      return content as Record<string, unknown>
  } catch {}
  throw new CommandError('bad-setting', `--config ${path} is not a JSON object.`, exitCodes.usage)
}

function readSetting(variable: string, value: string, fallback: unknown): unknown {
  if (Array.isArray(fallback)) return value.split(',').filter(Boolean)
  if (typeof fallback !== 'boolean') return value
  if (value !== 'true' && value !== 'false')
    throw new CommandError('bad-setting', `${variable} takes true or false.`, exitCodes.usage)
  return value === 'true'
}
