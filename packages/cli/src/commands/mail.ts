import type { MailTestResult } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { report } from '../output.ts'

/** mail: whether the authority's mail arrives. */
export function mailCommands(program: Command): void {
  const mail = program.command('mail').description('mail of the authority: test (administrators)')
  mail
    .command('test <address>')
    .description('send a mail to an address')
    .option('--json', 'print JSON')
    .action(async (address: string, { json }: { json?: boolean }) => {
      const result = await (await signedInAuthority()).request<MailTestResult>('POST', routes.mailTest, {
        email: address,
      })
      const sentence =
        result.transport === 'smtp'
          ? `The mail server has taken the mail to ${address}.`
          : `No mail server is set: the mail to ${address} is the file ${result.file ?? ''}.`
      report(json, result, sentence)
    })
}
