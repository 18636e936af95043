import { readFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BrokerSetting, MailSetting, readBrokerSetting, readMailSetting } from '@sealmq/server'
import type { Command } from 'commander'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { collect, wholeNumber } from '../flags.ts'
import { note, print } from '../output.ts'
import { readPassword } from '../password.ts'
import { shownSettings } from '../shown-settings.ts'

interface ServeFlags {
  data?: string
  http?: string
  mqtt?: string
  broker?: string
  brokerUser?: string
  brokerPasswordFile?: string
  brokerCa?: string
  brokerUrl?: string
  brokerWait?: boolean
  brokerAllowAnonymous?: boolean
  brokerExclusive?: boolean
  brokerReportOnly?: boolean
  tls?: boolean
  tlsName?: string[]
  tlsCert?: string
  tlsKey?: string
  store?: string
  allowPlain?: boolean
  config?: string
  name?: string
  smtp?: string
  smtpUser?: string
  smtpPasswordFile?: string
  smtpPlain?: boolean
  mailFrom?: string
  publicUrl?: string
  trustProxy?: boolean
  checkpointFile?: string
  checkpointWebhook?: string
  checkpointTopic?: string
  signUp?: boolean
  codeSeconds?: number
  codeTries?: number
  resendSeconds?: number
  lockTries?: number
  lockSeconds?: number
  sessionHours?: number
  tokenDays?: number
  logLevel?: string
  json?: boolean
}

/** What the settings are called in the file and, as SEALMQ_…, in the environment. */
const settings = {
  data: './sealmq-data',
  http: '127.0.0.1:8080',
  mqtt: '127.0.0.1:1883',
  broker: null as string | null,
  brokerUser: 'sealmq-authority',
  brokerPasswordFile: null as string | null,
  brokerCa: null as string | null,
  brokerUrl: null as string | null,
  brokerWait: false,
  brokerAllowAnonymous: false,
  brokerExclusive: false,
  brokerReportOnly: false,
  tls: false,
  tlsName: [] as string[],
  tlsCert: null as string | null,
  tlsKey: null as string | null,
  store: null as string | null,
  allowPlain: false,
  name: null as string | null,
  smtp: null as string | null,
  smtpUser: null as string | null,
  smtpPasswordFile: null as string | null,
  smtpPlain: false,
  mailFrom: null as string | null,
  publicUrl: null as string | null,
  trustProxy: false,
  checkpointFile: null as string | null,
  checkpointWebhook: null as string | null,
  checkpointTopic: null as string | null,
  signUp: true,
  codeSeconds: 300,
  codeTries: 5,
  resendSeconds: 30,
  lockTries: 3,
  lockSeconds: 300,
  sessionHours: 12,
  tokenDays: 30,
  logLevel: 'info',
}
type Settings = typeof settings

/** Smallest and largest value of the numbers. */
const bounds = {
  codeSeconds: [10, 600],
  codeTries: [1, 5],
  resendSeconds: [1, 3600],
  lockTries: [1, 100],
  lockSeconds: [1, 86_400],
  sessionHours: [1, 720],
  tokenDays: [1, 3650],
} as const satisfies Partial<Record<keyof Settings, readonly [number, number]>>

/** serve: the authority with its embedded broker. */
export function serveCommand(program: Command): void {
  program
    .command('serve')
    .description('run the authority with its embedded broker')
    .option('--data <folder>', `data folder (default ${settings.data})`)
    .option('--http <host:port>', `where the API listens (default ${settings.http})`)
    .option('--mqtt <host:port>', `where the embedded broker listens (default ${settings.mqtt})`)
    .option('--broker <url>', 'govern a Mosquitto in place of it: mosquitto://HOST:PORT, mosquittos:// for TLS')
    .option('--broker-user <name>', `administrator of its dynamic security plugin (default ${settings.brokerUser})`)
    .option('--broker-password-file <file>', 'and its password (or SEALMQ_BROKER_PASSWORD)')
    .option('--broker-ca <file>', 'CA of its certificate (PEM)')
    .option('--broker-url <url>', 'how clients reach it, when that is another address: mqtt:// or mqtts://HOST:PORT')
    .option('--broker-wait', 'start also while it is away')
    .option('--broker-allow-anonymous', 'govern it also when it lets in clients without a user name')
    .option('--broker-exclusive', 'take away clients, groups and roles that the authority did not make')
    .option('--broker-report-only', 'at a start report what differs from the store, and leave it')
    .option('--tls', 'HTTPS and MQTTS with a certificate by a CA made here')
    .option('--tls-name <name>', 'host name or address for that certificate; may be given several times', collect)
    .option('--tls-cert <file>', 'HTTPS and MQTTS with this certificate chain (PEM)')
    .option('--tls-key <file>', 'and this key (PEM)')
    .option('--store <url>', 'postgres://… (default: SQLite in the data folder)')
    .option('--allow-plain', 'plain transport also beyond loopback')
    .option('--name <name>', 'what the deployment is called')
    .option('--smtp <url>', 'smtp://HOST[:PORT] or smtps://HOST[:PORT]; without it mail is written to DATA/outbox')
    .option('--smtp-user <name>', 'user name at the mail server')
    .option('--smtp-password-file <file>', 'and its password (or SEALMQ_SMTP_PASSWORD)')
    .option('--smtp-plain', 'mail may go without TLS also beyond loopback')
    .option('--mail-from <address>', 'sender of mail, "Name <address>"')
    .option(
      '--public-url <url>',
      'how people reach it when a proxy is in front, for example https://sealmq.plant.example',
    )
    .option('--trust-proxy', 'believe the client addresses that a proxy in front names (X-Forwarded-For)')
    .option('--checkpoint-file <file>', 'append each checkpoint of the audit log to this file')
    .option('--checkpoint-webhook <url>', 'POST each checkpoint to this URL')
    .option('--checkpoint-topic <topic>', 'publish each checkpoint, retained, on this topic of the broker')
    .option('--no-sign-up', 'accounts only by invitation')
    .option(
      '--code-seconds <n>',
      whole('how long a mailed code is good', settings.codeSeconds),
      wholeNumber(...bounds.codeSeconds),
    )
    .option(
      '--code-tries <n>',
      whole('how often a code may be tried', settings.codeTries),
      wholeNumber(...bounds.codeTries),
    )
    .option(
      '--resend-seconds <n>',
      whole('between two codes', settings.resendSeconds),
      wholeNumber(...bounds.resendSeconds),
    )
    .option(
      '--lock-tries <n>',
      whole('wrong passwords in a row that lock', settings.lockTries),
      wholeNumber(...bounds.lockTries),
    )
    .option(
      '--lock-seconds <n>',
      whole('how long, the first time', settings.lockSeconds),
      wholeNumber(...bounds.lockSeconds),
    )
    .option(
      '--session-hours <n>',
      whole('how long a session lasts', settings.sessionHours),
      wholeNumber(...bounds.sessionHours),
    )
    .option(
      '--token-days <n>',
      whole('after half of how many days an installation renews its token', settings.tokenDays),
      wholeNumber(...bounds.tokenDays),
    )
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
  const [file, environment, given] = [await fromFile(flags), fromEnvironment(), fromFlags(flags)]
  const chosen = { ...settings, ...file, ...environment, ...given }
  checkBounds(chosen)
  const { readBrokerSetting, readMailSetting, startAuthority, StartError } = await import('@sealmq/server')
  const refused = (error: unknown): never => {
    throw error instanceof StartError ? new CommandError(error.code, error.message) : error
  }
  const authority = await startAuthority({
    dataDir: chosen.data,
    http: endpoint('--http', chosen.http),
    mqtt: endpoint('--mqtt', chosen.mqtt),
    broker: await brokerSetting(chosen, readBrokerSetting).catch(refused),
    tls: tlsSetting(chosen),
    store: chosen.store,
    allowPlain: chosen.allowPlain,
    masterKey: process.env.SEALMQ_MASTER_KEY ?? null,
    logLevel: chosen.logLevel,
    name: chosen.name,
    mail: await mailSetting(chosen, readMailSetting),
    mailFrom: chosen.mailFrom,
    publicUrl: chosen.publicUrl,
    trustProxy: chosen.trustProxy,
    consoleFolder: dirname(fileURLToPath(import.meta.resolve('@sealmq/console/index.html'))),
    checkpoints: { file: chosen.checkpointFile, webhook: chosen.checkpointWebhook, topic: chosen.checkpointTopic },
    shownSettings: shownSettings(chosen, [
      ['flag', given],
      ['environment', environment],
      ['file', file],
    ]),
    identity: {
      codeTime: chosen.codeSeconds * 1000,
      codeTries: chosen.codeTries,
      codeResend: chosen.resendSeconds * 1000,
      lockTries: chosen.lockTries,
      lockTime: chosen.lockSeconds * 1000,
      sessionTime: chosen.sessionHours * 3_600_000,
      tokenTime: chosen.tokenDays * 86_400_000,
      signUpOpen: chosen.signUp,
    },
  }).catch(refused)
  const { httpUrl, mqttUrl, setupCode, caFile } = authority
  if (flags.json) print(JSON.stringify({ event: 'ready', http: httpUrl, mqtt: mqttUrl, setupCode }))
  else {
    print(
      `SealMQ is ready: console ${httpUrl}, API described at ${httpUrl}/api/docs; broker ${mqttUrl}; data in ${chosen.data}`,
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

const whole = (text: string, value: number) => `${text} (default ${value})`

async function mailSetting(chosen: Settings, read: typeof readMailSetting): Promise<MailSetting | null> {
  const { smtp, smtpUser, smtpPasswordFile, mailFrom, smtpPlain: allowPlain } = chosen
  const { SEALMQ_SMTP_PASSWORD: fromEnvironment = null } = process.env
  const smtpPassword =
    smtpPasswordFile === null
      ? fromEnvironment
      : await readPassword(smtpPasswordFile, undefined, '--smtp-password-file')
  return read({ smtp, smtpUser, smtpPassword, mailFrom, allowPlain })
}

async function brokerSetting(chosen: Settings, read: typeof readBrokerSetting): Promise<BrokerSetting | null> {
  const { brokerPasswordFile, brokerCa, ...flags } = chosen
  const { SEALMQ_BROKER_PASSWORD: fromEnvironment = null } = process.env
  const brokerPassword =
    brokerPasswordFile === null
      ? fromEnvironment
      : await readPassword(brokerPasswordFile, undefined, '--broker-password-file')
  const ca =
    brokerCa === null
      ? null
      : await readFile(brokerCa, 'utf8').catch((error: NodeJS.ErrnoException) => {
          throw new CommandError('ca-file', `--broker-ca ${brokerCa} cannot be read (${error.code}).`, exitCodes.usage)
        })
  return read({
    ...flags,
    brokerPassword: flags.broker === null && brokerPasswordFile === null ? null : brokerPassword,
    brokerCa: ca,
  })
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

// commander sets signUp also when --no-sign-up is not there.
function fromFlags({ json: _, config: __, signUp, ...flags }: ServeFlags): Partial<Settings> {
  return signUp === false ? { ...flags, signUp } : flags
}

function checkBounds(chosen: Settings): void {
  for (const [name, [smallest, largest]] of Object.entries(bounds)) {
    const value = chosen[name as keyof typeof bounds]
    if (value < smallest || value > largest)
      throw new CommandError('bad-setting', `${name} takes ${smallest} to ${largest}, not ${value}.`, exitCodes.usage)
  }
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
      : typeof fallback === 'number'
        ? Number.isSafeInteger(value) && (value as number) > 0
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
  if (typeof fallback === 'number') {
    if (!/^[1-9]\d{0,8}$/.test(value))
      throw new CommandError('bad-setting', `${variable} takes a whole number above 0.`, exitCodes.usage)
    return Number(value)
  }
  if (typeof fallback !== 'boolean') return value
  if (value !== 'true' && value !== 'false')
    throw new CommandError('bad-setting', `${variable} takes true or false.`, exitCodes.usage)
  return value === 'true'
}
