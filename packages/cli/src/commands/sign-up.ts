import type { CodeSent, SignUpChoices, SignUpStarted, Verified } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type Command, Option } from 'commander'
import { signUps } from '../account-secrets.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { accountCommand, loginCommand } from '../next-command.ts'
import { openAuthority, type ServerFlags } from '../open-authority.ts'
import { note, report } from '../output.ts'
import { readNewPassword } from '../password.ts'
import { codeQuestions } from '../step-up.ts'
import { isAttended, withCode } from '../terminal.ts'

interface SignUpFlags extends ServerFlags {
  email: string
  name: string
  role?: string
  passwordFile?: string
  json?: boolean
}

interface VerifyFlags extends ServerFlags {
  email: string
  code?: string
  resend?: boolean
  json?: boolean
}

/** signup and verify: an account of one's own. */
export function signUpCommands(program: Command): void {
  program
    .command('signup')
    .description('ask for an account: a code is mailed that proves your address, then an administrator approves you')
    .requiredOption('--server <url>', 'the authority, for example http://127.0.0.1:8080')
    .requiredOption('--email <email>', 'your email address: you sign in with it')
    .requiredOption('--name <name>', 'your name')
    .option('--role <role>', 'the role that you ask for; without it you are told which there are')
    .option('--password-file <file>', 'file with your password, - for standard input; without it you are asked')
    .option('--ca <file>', 'PEM of the CA to trust, for https with serve --tls')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      '\nExample: sealmq signup --server https://plant.example:8080 --email eve@plant.example --name Eve --role sensor',
    )
    .action(signUp)
  program
    .command('verify')
    .description('prove your address with the code from the mail')
    .requiredOption('--server <url>', 'the authority, for example http://127.0.0.1:8080')
    .requiredOption('--email <email>', 'your email address')
    .option('--code <code>', 'the code from the mail; without it you are asked')
    .addOption(new Option('--resend', 'have a new code mailed first, for an account that exists').conflicts('code'))
    .option('--ca <file>', 'PEM of the CA to trust, for https with serve --tls')
    .option('--json', 'print JSON')
    .addHelpText('after', '\nRun it where you ran signup: what ties the code to your sign-up is kept there.')
    .action(verify)
}

async function signUp({ email, name, role, passwordFile, json, ...flags }: SignUpFlags): Promise<void> {
  const { authority, server } = await openAuthority(flags)
  if (role === undefined) {
    const { roles } = await authority.request<SignUpChoices>('GET', routes.signUp)
    throw new CommandError(
      'usage',
      `Say with --role which role you ask for: ${roles.join(', ') || 'there is none yet'}.`,
      exitCodes.usage,
    )
  }
  const password = await readNewPassword(passwordFile)
  const started = await authority.request<SignUpStarted>('POST', routes.signUp, { email, name, password, role })
  await signUps.keep(server, email, started.signUp)
  const next = accountCommand('verify', { server, email }, ...caWords(flags), '--code', 'CODE')
  report(json, { server, email, retryAfter: started.retryAfter }, `A code was mailed to ${email}. Go on with: ${next}`)
}

async function verify({ email, code, resend, json, ...flags }: VerifyFlags): Promise<void> {
  const { authority, server } = await openAuthority(flags)
  const signUp = await signUps.find(server, email)
  if (resend) {
    if (signUp !== null)
      throw new CommandError('sign-up-again', 'A new code comes with a new sign-up. Run sealmq signup again.')
    const sent = await authority.request<CodeSent>('POST', routes.verifySend, { email })
    const sentence = `If the address of an account ${email} is to be proved, a code was mailed to it.`
    if (!isAttended()) {
      report(json, { server, email, retryAfter: sent.retryAfter }, sentence)
      return
    }
    note(sentence)
  }
  const { state } = await withCode(code, { flag: '--code CODE', question: codeQuestions.email }, (given) =>
    authority.request<Verified>('POST', routes.verify, {
      email,
      code: given,
      ...(signUp === null ? {} : { signUp }),
    }),
  )
  await signUps.forget(server, email)
  const login = `${loginCommand({ server, email })}${caWords(flags)
    .map((word) => ` ${word}`)
    .join('')}`
  const sentence =
    state === 'waiting'
      ? `${email} is proved, and an administrator must approve your account. Until then you can sign in and see its state: ${login}`
      : `${email} is proved. Sign in: ${login}`
  report(json, { server, email, state }, sentence)
}

const caWords = ({ ca }: Pick<ServerFlags, 'ca'>) => (ca === undefined ? [] : ['--ca', ca])
