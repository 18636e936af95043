import { AuthorityError } from '@sealmq/client'
import type { Grant, RoleChange, RoleInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type Command, InvalidArgumentError } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { collect } from '../flags.ts'
import { note, print, printTable, report } from '../output.ts'
import { shownGrant } from '../shown-grant.ts'

interface RoleFlags {
  grant?: Grant[]
  administrator?: boolean
  auditor?: boolean
  monitor?: boolean
  name?: string
  requireAuthenticator?: boolean
  approveDomain?: string[]
  json?: boolean
}

const grantHelp =
  'publish:CHANNEL, subscribe:CHANNEL, or publish:CHANNEL=FILTER for a part of it, where a whole level of the filter may be {member}, the name of the device; may be given several times. A channel with = in its name is given by its id'

const rolePath = (id: string) => routes.role.replace(':id', encodeURIComponent(id))

/** roles: named sets of grants. */
export function rolesCommands(program: Command): void {
  const roles = program
    .command('roles')
    .description('roles and their grants: list, create, change, remove (administrators)')
  roles
    .command('list')
    .description('the roles, what they allow and what they ask for')
    .option('--json', 'print JSON')
    .action(async ({ json }: RoleFlags) => {
      const rows = await (await signedInAuthority()).request<RoleInfo[]>('GET', routes.roles)
      if (json) print(JSON.stringify(rows))
      else {
        printTable(
          ['ROLE', 'MEMBERS', 'PUBLISH', 'SUBSCRIBE', 'AUTHENTICATOR', 'APPROVED DOMAINS'],
          rows.map((role) => [
            nameOf(role),
            role.members,
            channels(role, 'publish'),
            role.monitor ? 'everything, sealed' : channels(role, 'subscribe'),
            role.requireAuthenticator ? 'required' : '-',
            role.approveDomains.join(', ') || '-',
          ]),
        )
      }
    })
  withPolicy(
    roles
      .command('create <name>')
      .description('make a role')
      .option('--grant <right:channel>', grantHelp, grant)
      .option('--administrator', 'members with it administer the authority'),
  ).action(async (name: string, { grant: grants = [], administrator = false, json, ...flags }: RoleFlags) => {
    const request = { name, grants, administrator, ...policy(flags) }
    const role = await (await signedInAuthority()).request<RoleInfo>('POST', routes.roles, request)
    report(json, role, `Role ${role.name} created.`)
  })
  withPolicy(
    roles
      .command('change <name>')
      .description('change a role; refused when somebody else changed it at the same time')
      .option('--name <name>', 'new name')
      .option('--grant <right:channel>', `exactly these grants from now on. ${grantHelp}`, grant)
      .option('--no-grants', 'no grant from now on')
      .option('--no-approve-domains', 'no domain from now on'),
  ).action(change)
  roles
    .command('remove <name>')
    .description('remove a role that no member has')
    .action(async (name: string) => {
      await (await signedInAuthority()).request('DELETE', rolePath(name))
      note(`Role ${name} removed.`)
    })
}

function withPolicy(command: Command): Command {
  return command
    .option('--auditor', 'its members read the audit log and change nothing by that')
    .option('--no-auditor', 'its members do not read the audit log')
    .option('--monitor', 'its members receive every channel at the broker, sealed, and no keys; it has no grants')
    .option('--no-monitor', 'its members receive what is granted')
    .option('--require-authenticator', 'its members sign in with an authenticator app')
    .option('--no-require-authenticator', 'a code by mail will do')
    .option(
      '--approve-domain <domain>',
      'who proves an address there and asks for the role, gets it; may be given several times, exactly these',
      collect,
    )
    .option('--json', 'print JSON')
}

const policy = ({ auditor, monitor, requireAuthenticator, approveDomain }: RoleFlags): RoleChange => ({
  ...(auditor === undefined ? {} : { auditor }),
  ...(monitor === undefined ? {} : { monitor }),
  ...(requireAuthenticator === undefined ? {} : { requireAuthenticator }),
  ...(approveDomain === undefined ? {} : { approveDomains: approveDomain }),
})

async function change(id: string, flags: RoleFlags & { grants: boolean; approveDomains: boolean }): Promise<void> {
  const grants = flags.grant ?? (flags.grants ? undefined : [])
  const wanted: RoleChange = {
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...(grants ? { grants } : {}),
    ...(flags.approveDomains ? {} : { approveDomains: [] }),
    ...policy(flags),
  }
  if (Object.keys(wanted).length === 0)
    throw new CommandError(
      'usage',
      'Say what to change: --name, --grant, --no-grants, --auditor, --monitor, --require-authenticator, --approve-domain or --no-approve-domains.',
      exitCodes.usage,
    )
  const authority = await signedInAuthority()
  const { revision } = await authority.request<RoleInfo>('GET', rolePath(id))
  const request = authority.request<RoleInfo>('PATCH', rolePath(id), { ...wanted, revision })
  const role = await request.catch((error) => {
    if (!(error instanceof AuthorityError && error.code === 'conflict')) throw error
    throw new CommandError('conflict', `Somebody else changed the role ${id} just now. Look at it and run this again.`)
  })
  report(flags.json, role, `Role ${role.name} changed.`)
}

function nameOf({ name, ...role }: RoleInfo): string {
  const powers = (['administrator', 'auditor', 'monitor'] as const).filter((power) => role[power])
  return powers.length > 0 ? `${name} (${powers.join(', ')})` : name
}

function channels({ grants }: RoleInfo, right: Grant['right']): string {
  return (
    grants
      .filter((held) => held.right === right)
      .map(shownGrant)
      .join(', ') || '-'
  )
}

function grant(text: string, before: Grant[] = []): Grant[] {
  const [, right, channel, filter] = /^(publish|subscribe):([^=]+)(?:=(.+))?$/s.exec(text) ?? []
  if (!right || !channel)
    throw new InvalidArgumentError('It takes publish:CHANNEL, subscribe:CHANNEL or publish:CHANNEL=FILTER.')
  return [
    ...before,
    { right: right as Grant['right'], channel, ...(filter === undefined ? {} : { filters: [filter] }) },
  ]
}
