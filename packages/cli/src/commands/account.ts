import type { CodeSent, Me } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { knownDevices } from '../account-secrets.ts'
import { signedInAuthority } from '../administration-client.ts'
import { readCredentials, removeCredentials, writeCredentials } from '../credentials-file.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { report } from '../output.ts'
import { readPassword } from '../password.ts'
import { codeQuestions } from '../step-up.ts'
import { askLine, isAttended, withCode } from '../terminal.ts'

interface AccountFlags {
  email: string
  code?: string
  passwordFile?: string
  yes?: boolean
  json?: boolean
}

/** account: one's own account. */
export function accountCommands(program: Command): void {
  const account = program.command('account').description('your account: change its address, delete it')
  account
    .command('email')
    .description('change your address: a code is mailed to the new one')
    .requiredOption('--email <email>', 'the new address')
    .option('--password-file <file>', 'file with your password, - for standard input; without it you are asked')
    .option('--json', 'print JSON')
    .action(changeEmail)
  account
    .command('confirm-email')
    .description('confirm the new address with the code from the mail: you sign in with it from then on')
    .option('--code <code>', 'the code; without it you are asked')
    .option('--json', 'print JSON')
    .action(confirmEmail)
  account
    .command('delete')
    .description('delete your account: sessions, senders and keys end at once')
    .option('--password-file <file>', 'file with your password, - for standard input; without it you are asked')
    .option('--yes', 'do not ask whether it is meant')
    .option('--json', 'print JSON')
    .action(deleteAccount)
}

async function changeEmail({ email, passwordFile, json }: AccountFlags): Promise<void> {
  const authority = await signedInAuthority()
  const password = await readPassword(passwordFile)
  const { retryAfter } = await authority.request<CodeSent>('POST', routes.accountEmail, { email, password })
  const sentence = `A code was mailed to ${email}. Go on with: sealmq account confirm-email --code CODE`
  report(json, { email, retryAfter }, sentence)
}

async function confirmEmail({ code, json }: AccountFlags): Promise<void> {
  const authority = await signedInAuthority()
  await withCode(code, { flag: '--code CODE', question: codeQuestions.email }, (given) =>
    authority.request('POST', routes.accountEmailConfirm, { code: given }),
  )
  const credentials = await readCredentials()
  const { email } = await authority.request<Me>('GET', routes.me)
  await writeCredentials({ ...credentials, email })
  const device = await knownDevices.find(credentials.server, credentials.email)
  if (device !== null) await knownDevices.keep(credentials.server, email, device)
  report(json, { email }, `Your address is ${email} now: sign in with it.`)
}

async function deleteAccount({ passwordFile, yes, json }: AccountFlags): Promise<void> {
  const credentials = await readCredentials()
  const { server, email } = credentials
  if (!yes) await confirmByName(email)
  const authority = await signedInAuthority()
  await authority.request('POST', routes.accountDelete, { password: await readPassword(passwordFile) })
  await removeCredentials(credentials)
  await knownDevices.forget(server, email)
  report(json, { deleted: email }, `The account ${email} is deleted.`)
}

async function confirmByName(email: string): Promise<void> {
  if (!isAttended())
    throw new CommandError('confirmation-needed', `Give --yes to delete the account ${email}.`, exitCodes.usage)
  const typed = await askLine(`This deletes your account for good. Type ${email} to go on: `)
  if (typed.trim() !== email) throw new CommandError('cancelled', 'That is another name: nothing was deleted.')
}
