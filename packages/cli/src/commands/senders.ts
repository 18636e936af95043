import type { SenderInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { minuteOf, note, print, printTable } from '../output.ts'

/** senders: installations. */
export function sendersCommands(program: Command): void {
  const senders = program.command('senders').description('installations of members: list, remove')
  senders
    .command('list')
    .description('your installations')
    .option('--all', "everybody's (administrators)")
    .option('--json', 'print JSON')
    .action(async ({ all, json }: { all?: boolean; json?: boolean }) => {
      const rows = await (await signedInAuthority()).request<SenderInfo[]>(
        'GET',
        `${routes.senders}${all ? '?all=true' : ''}`,
      )
      if (json) print(JSON.stringify(rows))
      else {
        printTable(
          ['SENDER', 'MEMBER', 'NAME', 'SINCE', 'ENDED', 'REVOKED'],
          rows.map((row) => [
            row.sender,
            row.memberName,
            row.name,
            minuteOf(row.createdAt),
            row.endedAt !== null ? minuteOf(row.endedAt) : row.ofSession ? 'with its session' : '-',
            row.revokedAt === null ? '-' : minuteOf(row.revokedAt),
          ]),
        )
      }
    })
  senders
    .command('remove <sender>')
    .description('revoke one installation; the channels that it could use get a new epoch')
    .action(async (sender: string) => {
      await (await signedInAuthority()).request('DELETE', routes.sender.replace(':id', encodeURIComponent(sender)))
      note(`Sender ${sender} removed and revoked.`)
    })
}
