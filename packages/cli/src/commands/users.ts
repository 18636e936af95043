import type { MemberInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { collect } from '../flags.ts'
import { minuteOf, note, print, printTable, report } from '../output.ts'
import { readPassword } from '../password.ts'
import { userAccessCommands } from './users-access.ts'
import { userApprovalCommands } from './users-approval.ts'
import { userImportCommand } from './users-import.ts'

interface UserFlags {
  email: string
  name?: string
  role?: string[]
  passwordFile?: string
  waiting?: boolean
  json?: boolean
}

const memberPath = (id: string) => routes.member.replace(':id', encodeURIComponent(id))

/** users: members that are people. */
export function usersCommands(program: Command): void {
  const users = program
    .command('users')
    .description('members: list, create, change, remove, approve, invite, lock, import (administrators)')
  users
    .command('list')
    .description('the members, their roles and state')
    .option('--waiting', 'only those that wait for approval')
    .option('--json', 'print JSON')
    .action(list)
  users
    .command('create')
    .description('make a member with a first password')
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
      report(flags.json, member, `${member.email} created (${member.roles.join(', ') || 'no role'}).`)
    })
  users
    .command('change <email>')
    .description('change name, roles or password of a member')
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
      report(flags.json, member, `${member.email} changed.`)
    })
  users
    .command('role')
    .description('give a member exactly these roles')
    .argument('<email>')
    .argument('<role...>', 'exactly these roles from now on; "" for none')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nExample: sealmq users role eve@plant.example sensor viewer')
    .action(async (email: string, roles: string[], { json }: UserFlags) => {
      const change = { roles: roles.filter(Boolean) }
      const member = await (await signedInAuthority()).request<MemberInfo>('PATCH', memberPath(email), change)
      report(json, member, `${member.email} has ${member.roles.join(', ') || 'no role'} now.`)
    })
  users
    .command('remove <email>')
    .description('revoke the member: senders, sessions, keys; the channels that it could use get a new epoch')
    .action(async (email: string) => {
      await (await signedInAuthority()).request('DELETE', memberPath(email))
      note(`${email} removed and revoked.`)
    })
  userApprovalCommands(users)
  userAccessCommands(users)
  userImportCommand(users)
}

async function list({ waiting, json }: UserFlags): Promise<void> {
  const all = await (await signedInAuthority()).request<MemberInfo[]>('GET', routes.members)
  const members = waiting ? all.filter(({ state }) => state === 'waiting') : all
  if (json) {
    print(JSON.stringify(members))
    return
  }
  printTable(
    ['EMAIL', 'NAME', 'ROLES', 'STATE', 'FACTOR', 'LOCKED'],
    members.map(({ email, name, roles, state, requestedRole, secondFactor, lockedUntil }) => [
      email,
      name,
      roles.join(', ') || '-',
      state === 'waiting' && requestedRole !== null ? `waiting (${requestedRole})` : state,
      secondFactor === 'none' ? '-' : secondFactor,
      lockedUntil === null ? '-' : `until ${minuteOf(lockedUntil)}`,
    ]),
  )
}
