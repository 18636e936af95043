import type { AuditLevel, ChannelInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type Command, Option } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { collect, wholeNumber } from '../flags.ts'
import { note, print, printTable } from '../output.ts'

interface ChannelFlags {
  name?: string
  filter?: string[]
  suite?: string
  kind?: string
  signing?: string
  maximumAge?: number
  late?: string
  lease?: number
  audit?: AuditLevel
  json?: boolean
}

const channelPath = (id: string) => routes.channel.replace(':id', encodeURIComponent(id))
const seconds = wholeNumber(1, 31_536_000)

/** channels: topics with one policy and one series of keys. */
export function channelsCommands(program: Command): void {
  const group = program
    .command('channels')
    .description('channels: list, create, change, rotate, remove (administrators)')
  group
    .command('list')
    .description('all channels with their current epoch')
    .option('--json', 'print JSON')
    .action(async ({ json }: ChannelFlags) => {
      const rows = await (await signedInAuthority()).request<ChannelInfo[]>('GET', routes.channels)
      if (json) print(JSON.stringify(rows))
      else {
        printTable(
          ['CHANNEL', 'FILTERS', 'SUITE', 'KIND', 'SIGNING', 'AUDIT', 'EPOCH', 'SINCE'],
          rows.map((row) => [
            row.name,
            row.filters.join(' '),
            row.suite,
            row.kind,
            row.signing,
            row.audit,
            row.epoch,
            new Date(row.epochStartedAt).toISOString().slice(0, 16),
          ]),
        )
      }
    })
  withSettings(group.command('create <name>').description('make a channel with its first epoch')).action(
    async (name: string, { json, filter: filters = [], ...settings }: ChannelFlags) => {
      if (filters.length === 0)
        throw new CommandError(
          'usage',
          'Give at least one --filter, for example --filter "plant/+/pressure".',
          exitCodes.usage,
        )
      const channel = await (await signedInAuthority()).request<ChannelInfo>('POST', routes.channels, {
        name,
        filters,
        ...settings,
      })
      if (json) print(JSON.stringify(channel))
      else
        note(`Channel ${channel.name} created with epoch ${channel.epoch}. Give it to a role with sealmq roles change.`)
    },
  )
  withSettings(
    group.command('change <name>').description('change a channel').option('--name <name>', 'new name'),
  ).action(async (id: string, { json, filter: filters, ...settings }: ChannelFlags) => {
    const change = { ...settings, ...(filters ? { filters } : {}) }
    if (Object.keys(change).length === 0)
      throw new CommandError('usage', 'Say what to change. sealmq channels change --help lists it.', exitCodes.usage)
    const channel = await (await signedInAuthority()).request<ChannelInfo>('PATCH', channelPath(id), change)
    if (json) print(JSON.stringify(channel))
    else note(`Channel ${channel.name} changed; epoch ${channel.epoch}.`)
  })
  group
    .command('rotate <name>')
    .description('start the next epoch now')
    .option('--json', 'print JSON')
    .action(async (id: string, { json }: ChannelFlags) => {
      const path = routes.rotate.replace(':id', encodeURIComponent(id))
      const channel = await (await signedInAuthority()).request<ChannelInfo>('POST', path)
      if (json) print(JSON.stringify(channel))
      else note(`Channel ${channel.name} is in epoch ${channel.epoch} now.`)
    })
  group
    .command('remove <name>')
    .description('remove the channel with its keys')
    .action(async (name: string) => {
      await (await signedInAuthority()).request('DELETE', channelPath(name))
      note(`Channel ${name} removed.`)
    })
}

function withSettings(command: Command): Command {
  return command
    .option('--filter <filter>', 'MQTT topic filter; may be given several times', collect)
    .option('--suite <suite>', 'A256GCM (default), ChaCha20/Poly1305 or A256CBC-HS512')
    .option('--kind <kind>', 'telemetry (default), state or command')
    .option('--signing <policy>', 'each (default) or off (telemetry only: any reader could pose as any sender)')
    .option(
      '--maximum-age <seconds>',
      'telemetry older than this is late, a command is refused (default 3600)',
      seconds,
    )
    .option('--late <policy>', 'mark (default) or refuse late telemetry')
    .option(
      '--lease <seconds>',
      'how long publishers go on sealing without the authority (default 86400)',
      wholeNumber(60, 31_536_000),
    )
    .addOption(
      new Option('--audit <level>', 'what the audit log says of its messages (default counts)').choices([
        'off',
        'counts',
        'every-message',
      ]),
    )
    .option('--json', 'print JSON')
}
