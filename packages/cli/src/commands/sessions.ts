import type { SessionInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { minuteOf, print, printTable, report } from '../output.ts'

interface SessionFlags {
  others?: boolean
  json?: boolean
}

/** sessions: where one is signed in. */
export function sessionsCommands(program: Command): void {
  const sessions = program.command('sessions').description('where you are signed in: list, end')
  sessions.command('list').description('your sessions, the latest first').option('--json', 'print JSON').action(list)
  sessions
    .command('end')
    .description('end one of your sessions, or all others')
    .argument('[id]', 'as sessions list shows it')
    .option('--others', 'all but this one')
    .option('--json', 'print JSON')
    .action(end)
}

async function list({ json }: SessionFlags): Promise<void> {
  const rows = await (await signedInAuthority()).request<SessionInfo[]>('GET', routes.sessions)
  if (json) print(JSON.stringify(rows))
  else {
    printTable(
      ['SESSION', 'SINCE', 'LAST USED', 'UNTIL', 'ADDRESS', 'PROGRAM'],
      rows.map((row) => [
        row.id,
        minuteOf(row.createdAt),
        minuteOf(row.lastUsedAt),
        minuteOf(row.expiresAt),
        row.address,
        `${row.client || '-'}${row.current ? ' (this one)' : ''}`,
      ]),
    )
  }
}

async function end(id: string | undefined, { others, json }: SessionFlags): Promise<void> {
  if ((id === undefined) === !others)
    throw new CommandError('usage', 'Give the session to end, or --others.', exitCodes.usage)
  const authority = await signedInAuthority()
  if (id === undefined) {
    await authority.request('DELETE', routes.sessions)
    report(json, { ended: 'others' }, 'All other sessions have ended.')
  } else {
    await authority.request('DELETE', routes.session.replace(':id', encodeURIComponent(id)))
    report(json, { ended: id }, `Session ${id} has ended.`)
  }
}
