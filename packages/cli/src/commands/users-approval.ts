import { type AuthorityClient, AuthorityError } from '@sealmq/client'
import type { HandedCode, MemberInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { readCredentials } from '../credentials-file.ts'
import { CommandError, describeError, exitCodes } from '../exit-codes.ts'
import { collect } from '../flags.ts'
import { accountCommand } from '../next-command.ts'
import { minuteOf, note, print, report } from '../output.ts'

interface ApproveFlags {
  all?: boolean
  role?: string
  json?: boolean
}

interface InviteFlags {
  email: string
  name: string
  role?: string[]
  json?: boolean
}

/** users approve, reject, invite: how people become members. */
export function userApprovalCommands(users: Command): void {
  users
    .command('approve')
    .description('approve people who wait: each gets the role that it asked for')
    .argument('[email...]', 'who; see sealmq users list --waiting')
    .option('--all', 'everybody who waits')
    .option('--role <role>', 'this role instead')
    .option('--json', 'print JSON')
    .action(approve)
  users
    .command('reject <email>')
    .description('refuse a request: the account is removed')
    .option('--json', 'print JSON')
    .action(async (email: string, { json }: { json?: boolean }) => {
      await (await signedInAuthority()).request('POST', routes.memberReject.replace(':id', encodeURIComponent(email)))
      report(json, { rejected: email }, `${email} rejected and removed.`)
    })
  users
    .command('invite')
    .description('make a member that sets its password with a code: mailed, or for you to hand over')
    .requiredOption('--email <email>', 'address, or the user name of a person without a mailbox')
    .requiredOption('--name <name>', 'name')
    .option('--role <role>', 'role; may be given several times', collect)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample, without a mailbox: sealmq users invite --email shift-2 --name "Shift 2" --role viewer',
    )
    .action(async ({ email, name, role: roles = [], json }: InviteFlags) => {
      const authority = await signedInAuthority()
      const handed = await authority.request<HandedCode>('POST', routes.membersInvite, { email, name, roles })
      await showHandedCode(email, handed, json)
    })
}

/** Shows a code to hand over, once, or says that it was mailed. */
export async function showHandedCode(email: string, handed: HandedCode, json: boolean | undefined): Promise<void> {
  const until = `good until ${minuteOf(handed.expiresAt)} UTC`
  if (json) print(JSON.stringify({ email, ...handed }))
  else if (handed.code === null) note(`A code was mailed to ${email}, ${until}.`)
  else {
    const { server } = await readCredentials()
    print(handed.code)
    note(`Hand this code over to ${email} yourself: it is shown once, and ${until}. The password is set with:`)
    note(accountCommand('password reset', { server, email }, '--code', handed.code))
  }
}

// One that is refused does not keep the others waiting.
async function approve(emails: string[], { all, role, json }: ApproveFlags): Promise<void> {
  if ((emails.length === 0) === !all) throw new CommandError('usage', 'Say whom to approve, or --all.', exitCodes.usage)
  const authority = await signedInAuthority()
  const approved: MemberInfo[] = []
  for (const email of all ? await waitingEmails(authority) : emails) {
    try {
      const path = routes.memberApprove.replace(':id', encodeURIComponent(email))
      const member = await authority.request<MemberInfo>('POST', path, role === undefined ? {} : { role })
      approved.push(member)
      if (!json) note(`${member.email} approved (${member.roles.join(', ') || 'no role'}).`)
    } catch (error) {
      if (!isAboutOne(error)) throw error
      const { message, code, exitCode } = describeError(error)
      note(`sealmq: ${email}: ${message} [${code}]`)
      process.exitCode = exitCode
    }
  }
  if (json) print(JSON.stringify(approved))
  else if (all && approved.length === 0 && process.exitCode === undefined) note('Nobody waits.')
}

async function waitingEmails(authority: AuthorityClient): Promise<string[]> {
  const members = await authority.request<MemberInfo[]>('GET', routes.members)
  return members.filter(({ state }) => state === 'waiting').map(({ email }) => email)
}

const isAboutOne = (error: unknown) =>
  error instanceof AuthorityError &&
  error.status >= 400 &&
  error.status < 500 &&
  ![401, 403, 429].includes(error.status)
