import { type MemberInfo, routes } from '@sealmq/protocol/api'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { collect } from '../flags.ts'
import { note, print, printTable } from '../output.ts'
import { readPassword } from '../password.ts'

interface UserFlags {
  email: string
  name?: string
  role?: string[]
  passwordFile?: string
  changePassword?: boolean
  json?: boolean
}

const memberPath = (id: string) => routes.member.replace(':id', encodeURIComponent(id))

/** users: members that are people. */
export function usersCommands(program: Command): void {
  const users = program.command('users').description('members: list, create, change, remove (administrators)')
  users
    .command('list')
    .option('--json', 'print JSON')
    .action(async ({ json }: UserFlags) => {
      const members = await (await signedInAuthority()).request<MemberInfo[]>('GET', routes.members)
      if (json) print(JSON.stringify(members))
      else
        printTable(
          ['EMAIL', 'NAME', 'ROLES'],
          members.map(({ email, name, roles }) => [email, name, roles.join(', ') || '-']),
        )
    })
  users
    .command('create')
    .requiredOption('--email <email>', 'address to sign in with')
    .requiredOption('--name <name>', 'name')
    .option('--role <role>', 'role; may be given several times', collect)
    .option('--password-file <file>', 'file with the first password; without it you are asked')
    .option('--json', 'print JSON')
    .action(async (flags: UserFlags) => {
      const password = await readPassword(flags.passwordFile, 'First password of the member: ')
      const { email, name, role: roles = [] } = flags
      const member = await (await signedInAuthority()).request<MemberInfo>('POST', routes.members, {
        email,
        name,
        password,
        roles,
      })
      show(member, flags, `${member.email} created (${member.roles.join(', ') || 'no role'}).`)
    })
  users
    .command('change <email>')
    .option('--name <name>', 'new name')
    .option('--role <role>', 'exactly these roles from now on; may be given several times; "" for none', collect)
    .option('--password-file <file>', 'file with a new password')
    .option('--json', 'print JSON')
    .action(async (email: string, flags: UserFlags) => {
      const change = {
        ...(flags.name === undefined ? {} : { name: flags.name }),
        ...(flags.role === undefined ? {} : { roles: flags.role.filter(Boolean) }),
        ...(flags.passwordFile === undefined ? {} : { password: await readPassword(flags.passwordFile) }),
      }
      if (Object.keys(change).length === 0)
        throw new CommandError('usage', 'Say what to change: --name, --role or --password-file.', exitCodes.usage)
      const member = await (await signedInAuthority()).request<MemberInfo>('PATCH', memberPath(email), change)
      show(member, flags, `${member.email} changed.`)
    })
  users
    .command('remove <email>')
    .description('revoke the member: senders, sessions, keys; the channels that it could use get a new epoch')
    .action(async (email: string) => {
      await (await signedInAuthority()).request('DELETE', memberPath(email))
      note(`${email} removed and revoked.`)
    })
}

function show(member: MemberInfo, { json }: UserFlags, sentence: string): void {
  if (json) print(JSON.stringify(member))
  else note(sentence)
}
