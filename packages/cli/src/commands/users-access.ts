import type { HandedCode, MemberInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { report } from '../output.ts'
import { showHandedCode } from './users-approval.ts'

interface AccessFlags {
  json?: boolean
}

const memberPath = (route: string, email: string) => route.replace(':id', encodeURIComponent(email))

/** users lock, unlock, code, reset-factor, end-sessions: how members get in, or do not. */
export function userAccessCommands(users: Command): void {
  users
    .command('lock <email>')
    .description('shut a member out until it is unlocked: sessions end, its senders may not connect')
    .option('--json', 'print JSON')
    .action(async (email: string, { json }: AccessFlags) => {
      const member = await post<MemberInfo>(routes.memberLock, email)
      report(json, member, `${member.email} is locked.`)
    })
  users
    .command('unlock <email>')
    .description('end a lock, also one by wrong passwords or codes')
    .option('--json', 'print JSON')
    .action(async (email: string, { json }: AccessFlags) => {
      const member = await post<MemberInfo>(routes.memberUnlock, email)
      report(json, member, `${member.email} is unlocked.`)
    })
  users
    .command('code <email>')
    .description('a code that sets a new password: mailed, or for you to hand over')
    .option('--json', 'print JSON')
    .action(async (email: string, { json }: AccessFlags) => {
      await showHandedCode(email, await post<HandedCode>(routes.memberCode, email), json)
    })
  users
    .command('reset-factor <email>')
    .description('forget the authenticator and recovery codes of a member that has lost them; its sessions end')
    .option('--json', 'print JSON')
    .action(async (email: string, { json }: AccessFlags) => {
      const member = await post<MemberInfo>(routes.memberResetFactor, email)
      report(json, member, `The authenticator and recovery codes of ${member.email} are forgotten.`)
    })
  users
    .command('end-sessions <email>')
    .description('end all sessions of a member')
    .option('--json', 'print JSON')
    .action(async (email: string, { json }: AccessFlags) => {
      await (await signedInAuthority()).request('DELETE', memberPath(routes.memberSessions, email))
      report(json, { email, ended: 'all' }, `All sessions of ${email} have ended.`)
    })
}

async function post<T>(route: string, email: string): Promise<T> {
  return (await signedInAuthority()).request<T>('POST', memberPath(route, email))
}
