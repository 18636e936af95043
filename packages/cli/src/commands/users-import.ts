import { readFile } from 'node:fs/promises'
import type { ImportedMember, MembersImport } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { readEmails, readOriginalUsers } from '../original-users.ts'
import { note, print, printTable } from '../output.ts'

interface ImportFlags {
  emails?: string
  dryRun?: boolean
  json?: boolean
}

/** users import: the people of the original system. */
export function userImportCommand(users: Command): void {
  users
    .command('import')
    .description("take over the people of the original system's users.json")
    .argument('<file>', 'users.json: { "user": { "password": hash, "role": name }, … }')
    .option('--emails <csv>', 'their addresses: a line user,email for each')
    .option('--dry-run', 'say what would be done, and do nothing')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
bcrypt hashes are taken over. Unsalted SHA-256 ones are not: those people get a one-time code (sealmq password reset).
Roles become requests: sealmq users approve --all. It may be run again. Exit code 1 when somebody was refused.`,
    )
    .action(importUsers)
}

async function importUsers(file: string, { emails, dryRun = false, json }: ImportFlags): Promise<void> {
  const users = readOriginalUsers(file, await readText(file))
  const request: MembersImport = {
    users,
    dryRun,
    ...(emails === undefined ? {} : { emails: readEmails(emails, await readText(emails), users) }),
  }
  const rows = await (await signedInAuthority()).request<ImportedMember[]>('POST', routes.membersImport, request)
  if (json) print(JSON.stringify(rows))
  else {
    printTable(
      ['USER', 'EMAIL', 'OUTCOME', 'ROLE ASKED', 'CODE', 'REASON'],
      rows.map(({ user, email, outcome, requestedRole, code, reason }) => [
        user,
        email ?? '-',
        outcome,
        requestedRole ?? '-',
        code ?? '-',
        reason ?? '-',
      ]),
    )
    if (dryRun) note('Nothing was changed: this was a dry run.')
    else if (rows.some(({ code }) => code !== null)) note('The codes are shown once: hand them over yourself.')
  }
  if (rows.some(({ outcome }) => outcome === 'refused')) process.exitCode = exitCodes.failure
}

async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('file', `${path} cannot be read (${error.code}).`, exitCodes.usage)
  })
}
