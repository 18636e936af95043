import type { CodeSent } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { accountCommand, loginCommand } from '../next-command.ts'
import { openAuthority, type ServerFlags } from '../open-authority.ts'
import { report } from '../output.ts'
import { readNewPassword, readPassword } from '../password.ts'
import { withCode } from '../terminal.ts'

interface PasswordFlags extends ServerFlags {
  email: string
  code?: string
  passwordFile?: string
  json?: boolean
}

interface ChangeFlags {
  passwordFile?: string
  newPasswordFile?: string
  json?: boolean
}

/** password: forgotten, set with a code, changed. */
export function passwordCommands(program: Command): void {
  const group = program.command('password').description('your password: forgot, reset, change')
  group
    .command('forgot')
    .description('have a code mailed that sets a new password')
    .requiredOption('--server <url>', 'the authority, for example http://127.0.0.1:8080')
    .requiredOption('--email <email>', 'your email address')
    .option('--ca <file>', 'PEM of the CA to trust, for https with serve --tls')
    .option('--json', 'print JSON')
    .action(forgot)
  group
    .command('reset')
    .description('set a new password with the code that was mailed, or that an administrator gave you')
    .requiredOption('--server <url>', 'the authority, for example http://127.0.0.1:8080')
    .requiredOption('--email <email>', 'your email address, or your user name')
    .option('--code <code>', 'the code; without it you are asked')
    .option('--password-file <file>', 'file with the new password, - for standard input; without it you are asked')
    .option('--ca <file>', 'PEM of the CA to trust, for https with serve --tls')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nAll your sessions end. The second factor stays.')
    .action(reset)
  group
    .command('change')
    .description('change your password; all other sessions end')
    .option('--password-file <file>', 'file with the present password, - for standard input; without it you are asked')
    .option('--new-password-file <file>', 'file with the new one; without it you are asked')
    .option('--json', 'print JSON')
    .action(change)
}

async function forgot({ email, json, ...flags }: PasswordFlags): Promise<void> {
  const { authority, server } = await openAuthority(flags)
  const { retryAfter } = await authority.request<CodeSent>('POST', routes.passwordForgot, { email })
  const next = accountCommand('password reset', { server, email }, '--code', 'CODE')
  report(
    json,
    { server, email, retryAfter },
    `If there is an account ${email}, a code was mailed to it. Go on with: ${next}`,
  )
}

async function reset({ email, code, passwordFile, json, ...flags }: PasswordFlags): Promise<void> {
  const { authority, server } = await openAuthority(flags)
  const password = await readNewPassword(passwordFile)
  await withCode(code, { flag: '--code CODE', question: 'Code: ' }, (given) =>
    authority.request('POST', routes.passwordReset, { email, code: given, password }),
  )
  const next = loginCommand({ server, email })
  report(json, { server, email }, `The new password is set and all sessions have ended. Sign in: ${next}`)
}

async function change({ passwordFile, newPasswordFile, json }: ChangeFlags): Promise<void> {
  if (passwordFile === '-' && newPasswordFile === '-')
    throw new CommandError('usage', 'Only one password can come from standard input.', exitCodes.usage)
  const authority = await signedInAuthority()
  const password = await readPassword(passwordFile, 'Present password: ')
  const newPassword = await readNewPassword(newPasswordFile, '--new-password-file')
  await authority.request('POST', routes.password, { password, newPassword })
  report(json, { changed: true }, 'The password is changed and all other sessions have ended.')
}
