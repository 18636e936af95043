import { AuthorityClient, AuthorityError } from '@sealmq/client'
import type { LoginRequest, Me, Session } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type Command, Option } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { readCredentials, readIdentity, removeCredentials, removeSender } from '../credentials-file.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { accountCommand, loginCommand } from '../next-command.ts'
import { authorityOptions } from '../open-authority.ts'
import { note, print, report } from '../output.ts'
import { readPassword } from '../password.ts'
import { shownGrant } from '../shown-grant.ts'
import { type SignedIn, type SignInOptions, signIn } from '../sign-in.ts'
import { codeQuestions } from '../step-up.ts'
import { isAttended, withCode } from '../terminal.ts'

interface SignInFlags extends SignInOptions {
  passwordFile?: string
}

interface LoginFlags extends SignInFlags {
  otp?: string
  recoveryCode?: string
  json?: boolean
}

/** setup, login, logout, whoami, credentials. */
export function signInCommands(program: Command): void {
  program
    .command('setup')
    .description('make the first administrator with the setup code that serve printed, and sign in')
    .requiredOption('--server <url>', 'the authority, for example http://127.0.0.1:8080')
    .requiredOption('--code <code>', 'the setup code')
    .requiredOption('--email <email>', 'your email address: you sign in with it')
    .requiredOption('--name <name>', 'your name')
    .option('--password-file <file>', 'file with the password; without it you are asked')
    .option('--ca <file>', 'PEM of the CA to trust, for https with serve --tls')
    .option('--sender-name <name>', 'what to call this installation')
    .action(async (flags: SignInFlags & { code: string; name: string }) => {
      const password = await readPassword(flags.passwordFile, 'New password (12 characters or more): ')
      const { code, email, name } = flags
      const { me, server } = await signIn(flags, (authority) => authority.setUp({ code, email, name, password }))
      note(`You are the administrator ${me.email} and signed in. Try: sealmq demo, or sealmq users create --help`)
      if (!me.addressProved && me.email.includes('@'))
        note(
          `A code was mailed that proves your address: ${accountCommand('verify', { server, email: me.email }, '--code', 'CODE')}`,
        )
    })

  program
    .command('login')
    .description('sign in, and make this installation a sender with a key of its own')
    .requiredOption('--server <url>', 'the authority, for example http://127.0.0.1:8080')
    .requiredOption('--email <email>', 'your email address, or your user name')
    .option('--password-file <file>', 'file with the password, - for standard input; without it you are asked')
    .option('--otp <code>', 'code of your authenticator app, or the one that was mailed')
    .addOption(new Option('--recovery-code <code>', 'one of your recovery codes, instead').conflicts('otp'))
    .option('--ca <file>', 'PEM of the CA to trust, for https with serve --tls')
    .option('--sender-name <name>', 'what to call this installation')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Where the account has a second factor, a terminal asks for it. Without one, login ends with exit code 3 and
[otp-required]: run it again with --otp. A code by mail is sent by the first run.`,
    )
    .action(async (flags: LoginFlags) => {
      const password = await readPassword(flags.passwordFile)
      const signedIn = await signIn(flags, (authority, knownDevice) => logIn(authority, flags, password, knownDevice))
      showSignedIn(signedIn, flags)
    })

  program
    .command('logout')
    .description('end the session, remove this installation from the directory and its keys from here')
    .action(async () => {
      const credentials = await readCredentials()
      await removeSender(credentials).catch(tolerateGone)
      if (credentials.session !== null) await (await signedInAuthority()).logOut().catch(tolerateGone)
      await removeCredentials(credentials)
      note('Signed out.')
    })

  program
    .command('whoami')
    .description('who is signed in here, with which roles and rights')
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { identity, server, ca, session } = await readCredentials()
      const authority = new AuthorityClient(authorityOptions(server, ca, identity?.token ?? session?.token))
      const me = await authority.request<Me>('GET', routes.me)
      const sender = identity?.sender ?? null
      if (json) {
        print(JSON.stringify({ ...me, sender, server }))
        return
      }
      print(`${me.name} <${me.email}>  ${sender === null ? 'no sender' : `sender ${sender}`} at ${server}`)
      print(`roles: ${roleNames(me)}${me.administrator ? ' (administrator)' : ''}`)
      if (me.state !== 'active') print(`state: ${me.state}. ${whatNow(me)}`)
      for (const right of ['publish', 'subscribe'] as const) {
        const channels = me.grants.filter((grant) => grant.right === right).map(shownGrant)
        print(`may ${right}: ${channels.join(', ') || 'nothing'}`)
      }
    })

  program
    .command('credentials')
    .description("this sender's user name and password at the broker, for mosquitto_sub, MQTT Explorer and the like")
    .option('--json', 'print JSON')
    .action(async ({ json }: { json?: boolean }) => {
      const { username, password } = (await readIdentity()).broker
      print(json ? JSON.stringify({ username, password }) : `username ${username}\npassword ${password}`)
    })
}

async function logIn(
  authority: AuthorityClient,
  { email, otp, recoveryCode }: LoginFlags,
  password: string,
  knownDevice: string | null,
): Promise<Session> {
  const request: LoginRequest = { email, password, ...(knownDevice === null ? {} : { knownDevice }) }
  if (recoveryCode !== undefined) return authority.logIn({ ...request, recoveryCode })
  if (otp !== undefined) return authority.logIn({ ...request, otp })
  try {
    return await authority.logIn(request)
  } catch (error) {
    if (!(error instanceof AuthorityError && error.code === 'otp-required')) throw error
    const factor = error.factor === 'email' ? 'email' : 'totp'
    if (!isAttended()) throw new CommandError(error.code, otpAdvice[factor], exitCodes.notSignedIn)
    note(factor === 'email' ? `A code was mailed to ${email}.` : 'Your account asks for your authenticator app.')
    return withCode(undefined, { flag: '--otp CODE', question: codeQuestions[factor] }, (code) =>
      authority.logIn({ ...request, otp: code }),
    )
  }
}

const otpAdvice = {
  totp: 'Give the code of your authenticator app with --otp CODE, or one of your recovery codes with --recovery-code CODE.',
  email: 'A code was mailed to you. Run this again with --otp CODE.',
}

function showSignedIn({ me, server, sender }: SignedIn, { json }: LoginFlags): void {
  const { email, name, state, requestedRole, roles } = me
  const names = roles.map((role) => role.name)
  const sentence = `Signed in as ${email} (${roleNames(me)}).`
  report(
    json,
    { email, name, state, roles: names, requestedRole, sender, server },
    state === 'active' ? sentence : `${sentence} ${whatNow(me)}`,
  )
  if (!json && state === 'waiting') note(`Once you are approved, sign in again: ${loginCommand({ server, email })}`)
}

function whatNow({ state, requestedRole }: Me): string {
  if (state === 'factor-needed')
    return 'Your role asks for an authenticator app, and you can do nothing else before: sealmq factor add totp.'
  const asked = requestedRole === null ? '' : ` You asked for the role ${requestedRole}.`
  return `Your account waits for an administrator to approve it.${asked} Until then you can see your state, nothing else.`
}

const roleNames = (me: Me) => me.roles.map(({ name }) => name).join(', ') || 'no role'

function tolerateGone(error: unknown): void {
  const { status } = error as { status?: number }
  if (status !== 401 && status !== 404) throw error
}
