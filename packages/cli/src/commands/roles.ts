import { type Grant, type RoleInfo, routes } from '@sealmq/protocol/api'
import { type Command, InvalidArgumentError } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { note, print, printTable } from '../output.ts'

interface RoleFlags {
  grant?: Grant[]
  administrator?: boolean
  name?: string
  json?: boolean
}

const rolePath = (id: string) => routes.role.replace(':id', encodeURIComponent(id))

/** roles: named sets of grants. */
export function rolesCommands(program: Command): void {
  const roles = program
    .command('roles')
    .description('roles and their grants: list, create, change, remove (administrators)')
  roles
    .command('list')
    .option('--json', 'print JSON')
    .action(async ({ json }: RoleFlags) => {
      const rows = await (await signedInAuthority()).request<RoleInfo[]>('GET', routes.roles)
      if (json) print(JSON.stringify(rows))
      else {
        printTable(
          ['ROLE', 'MEMBERS', 'PUBLISH', 'SUBSCRIBE'],
          rows.map((role) => [
            role.administrator ? `${role.name} (administrator)` : role.name,
            role.members,
            channels(role, 'publish'),
            channels(role, 'subscribe'),
          ]),
        )
      }
    })
  roles
    .command('create <name>')
    .option('--grant <right:channel>', 'publish:CHANNEL or subscribe:CHANNEL; may be given several times', grant)
    .option('--administrator', 'members with it administer the authority')
    .option('--json', 'print JSON')
    .action(async (name: string, { grant: grants = [], administrator = false, json }: RoleFlags) => {
      const role = await (await signedInAuthority()).request<RoleInfo>('POST', routes.roles, {
        name,
        grants,
        administrator,
      })
      if (json) print(JSON.stringify(role))
      else note(`Role ${role.name} created.`)
    })
  roles
    .command('change <name>')
    .option('--name <name>', 'new name')
    .option('--grant <right:channel>', 'exactly these grants from now on; may be given several times', grant)
    .option('--no-grants', 'no grant from now on')
    .option('--json', 'print JSON')
    .action(async (id: string, flags: RoleFlags & { grants: boolean }) => {
      const grants = flags.grant ?? (flags.grants ? undefined : [])
      const change = { ...(flags.name === undefined ? {} : { name: flags.name }), ...(grants ? { grants } : {}) }
      if (Object.keys(change).length === 0)
        throw new CommandError('usage', 'Say what to change: --name, --grant or --no-grants.', exitCodes.usage)
      const role = await (await signedInAuthority()).request<RoleInfo>('PATCH', rolePath(id), change)
      if (flags.json) print(JSON.stringify(role))
      else note(`Role ${role.name} changed.`)
    })
  roles.command('remove <name>').action(async (name: string) => {
    await (await signedInAuthority()).request('DELETE', rolePath(name))
    note(`Role ${name} removed.`)
  })
}

function channels({ grants }: RoleInfo, right: Grant['right']): string {
  return (
    grants
      .filter((held) => held.right === right)
      .map(({ channel }) => channel)
      .join(', ') || '-'
  )
}

function grant(text: string, before: Grant[] = []): Grant[] {
  const [, right, channel] = /^(publish|subscribe):(.+)$/.exec(text) ?? []
  if (!right || !channel) throw new InvalidArgumentError('It takes publish:CHANNEL or subscribe:CHANNEL.')
  return [...before, { right: right as Grant['right'], channel }]
}
