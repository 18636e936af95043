import { join } from 'node:path'
import type { BrokerCheck, BrokerCheckCell, BrokerStatus } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { collect } from '../flags.ts'
import { nextCommand } from '../next-command.ts'
import { minuteOf, note, print, printTable } from '../output.ts'

interface JsonFlag {
  json?: boolean
}

interface InitFlags extends JsonFlag {
  dir: string
  listen: string
  tls?: boolean
  tlsName?: string[]
  data: string
}

/** broker: a broker apart from the authority. */
export function brokerCommands(program: Command): void {
  const broker = program.command('broker').description('the broker: set one up apart, its state, whether it obeys')
  broker
    .command('init <kind>')
    .description('write a configuration with nothing allowed; kind is mosquitto')
    .requiredOption('--dir <folder>', 'new folder for its configuration and all that it keeps')
    .option('--listen <host:port>', 'where it listens (default 127.0.0.1:1883, with --tls 8883)', '')
    .option('--tls', 'MQTTS with a certificate by the CA of the authority')
    .option('--tls-name <name>', 'host name or address for that certificate; may be given several times', collect)
    .option(
      '--data <folder>',
      'data folder of the authority, whose CA it is',
      process.env.SEALMQ_DATA ?? './sealmq-data',
    )
    .option('--json', 'print JSON')
    .action(initialise)
  broker
    .command('status')
    .description('whether the authority reaches the broker, and the broker has what the store says')
    .option('--json', 'print JSON')
    .action(async ({ json }: JsonFlag) => {
      const status = await (await signedInAuthority()).request<BrokerStatus>('GET', routes.broker)
      if (json) print(JSON.stringify(status))
      else showStatus(status)
      if (!status.connected) process.exitCode = exitCodes.brokerUnreachable
      else if (status.rights === 'drifted') process.exitCode = exitCodes.failure
    })
  broker
    .command('reconcile')
    .description('read the whole broker and mend what differs from the store')
    .option('--json', 'print JSON')
    .action(async ({ json }: JsonFlag) => {
      const status = await (await signedInAuthority()).request<BrokerStatus>('POST', routes.brokerReconcile)
      if (json) print(JSON.stringify(status))
      else showStatus(status)
    })
  broker
    .command('check')
    .description('try as a client of each role what the broker allows, and compare it with the policy')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nIt publishes empty messages, not retained, on one topic of each filter; clients of sealed messages ignore them.\nEnds with 1 when anything is not as the policy says.',
    )
    .action(async ({ json }: JsonFlag) => {
      const check = await (await signedInAuthority()).request<BrokerCheck>('POST', routes.brokerCheck)
      if (json) print(JSON.stringify(check))
      else showCheck(check)
      if (check.wrong > 0) process.exitCode = exitCodes.failure
    })
}

async function initialise(kind: string, flags: InitFlags): Promise<void> {
  if (kind !== 'mosquitto')
    throw new CommandError('usage', `There is no kind ${kind} of broker. Give mosquitto.`, exitCodes.usage)
  const { host, port } = listenAddress(flags.listen || `127.0.0.1:${flags.tls ? 8883 : 1883}`)
  const { initialiseMosquitto, StartError } = await import('@sealmq/server')
  const tls = flags.tls ? { names: flags.tlsName ?? [], caFolder: join(flags.data, 'tls') } : null
  const made = await initialiseMosquitto({ folder: flags.dir, host, port, tls, now: Date.now() }).catch((error) => {
    throw error instanceof StartError ? new CommandError(error.code, error.message) : error
  })
  const url = `${flags.tls ? 'mosquittos' : 'mosquitto'}://${host.includes(':') ? `[${host}]` : host}:${port}`
  const serve = nextCommand(
    ...['serve', '--data', flags.data, ...(flags.tls ? ['--tls'] : []), '--broker', url],
    ...['--broker-password-file', made.passwordFile, ...(made.caFile ? ['--broker-ca', made.caFile] : [])],
  )
  const start = made.command.join(' ')
  if (flags.json) {
    print(JSON.stringify({ ...made, start, serve }))
    return
  }
  note(`${made.folder} holds a configuration for Mosquitto ${made.version}. Start it with\n`)
  print(start)
  note(`\nand the authority with\n\n  npx ${serve}\n`)
  note(
    `It saves what it keeps every ${made.autosave} s (autosave_interval) and when it ends: a crash loses what came since, acknowledged or not.`,
  )
}

function listenAddress(text: string): { host: string; port: number } {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s]+)):(\d{1,5})$/i.exec(text)
  const port = Number(match?.[3])
  if (!match || port < 1 || port > 65_535)
    throw new CommandError(
      'bad-setting',
      `--listen ${text} is not HOST:PORT, for example 0.0.0.0:8883.`,
      exitCodes.usage,
    )
  return { host: (match[1] ?? match[2])!, port }
}

function showStatus(status: BrokerStatus): void {
  const { name, address, connected, version, rights, readAt, drift, drifted } = status
  const lines: [string, string][] = [
    ['broker', `${name}${version === null ? '' : ` ${version}`} at ${address}`],
    ['connected', connected ? 'yes' : 'no'],
    ['rights', rights],
    ['last read', readAt === null ? '-' : minuteOf(readAt)],
    ['differed then', String(drifted)],
    ['changes waiting', String(status.waiting)],
    ['connections', String(status.connections)],
  ]
  for (const [what, value] of lines) print(`${what.padEnd(17)}${value}`)
  for (const sentence of drift) print(`  ${sentence}`)
  if (drifted > drift.length) print(`  … and ${drifted - drift.length} more`)
  if (status.withoutPassword > 0) {
    note(
      `${status.withoutPassword} senders were entered before the authority kept broker passwords, and cannot connect: sign in again there (sealmq login), or enter them anew.`,
    )
  }
  for (const warning of status.warnings) note(warning)
}

// A letter for each action that the broker allows; what is not as the policy says stands in full below.
function showCheck({ cells, drift, wrong }: BrokerCheck): void {
  const roles = [...new Set(cells.map(({ role }) => role))]
  const channels = [...new Set(cells.flatMap(({ channel }) => channel ?? []))]
  printTable(
    ['ROLE', ...channels.map((channel) => channel.toUpperCase()), 'ELSEWHERE', 'ASKED'],
    roles.map((role) => {
      const own = cells.filter((cell) => cell.role === role)
      const of = (channel: string | null) => own.filter((cell) => cell.channel === channel)
      return [role, ...channels.map((channel) => letters(of(channel))), letters(of(null)), own.length]
    }),
  )
  for (const cell of cells.filter(({ expected, actual }) => expected !== actual)) print(sentence(cell))
  for (const line of drift) print(line)
  if (wrong === 0) note(`The broker allows exactly what the policy says: ${cells.length} questions.`)
  else note(`${wrong} things are not as the policy says. sealmq broker reconcile mends them.`)
}

function letters(cells: readonly BrokerCheckCell[]): string {
  const may = (action: BrokerCheckCell['action']) => cells.some((cell) => cell.action === action && cell.actual)
  const isWrong = cells.some(({ expected, actual }) => expected !== actual)
  return `${may('publish') ? 'p' : '-'}${may('subscribe') ? 's' : '-'}${isWrong ? ' !' : ''}`
}

const sentence = ({ role, action, topic, actual }: BrokerCheckCell): string =>
  `${role} ${actual ? 'may' : 'may not'} ${action}${topic ? ` ${topic}` : ''}: the policy says otherwise.`
