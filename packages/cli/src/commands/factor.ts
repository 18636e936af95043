import { AuthorityError } from '@sealmq/client'
import type { Factors, RecoveryCodes, SecondFactor, TotpEnrolment } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { Argument, type Command } from 'commander'
import { renderUnicodeCompact } from 'uqr'
import { signedInAuthority } from '../administration-client.ts'
import { readCredentials } from '../credentials-file.ts'
import { CommandError } from '../exit-codes.ts'
import { accountCommand } from '../next-command.ts'
import { note, print, report } from '../output.ts'
import { enrolWhenActive } from '../sign-in.ts'
import { codeQuestions, stepUp } from '../step-up.ts'
import { isAttended, withCode } from '../terminal.ts'

interface FactorFlags {
  otp?: string
  json?: boolean
}

/** What each second factor is called. */
export const factorNames: Record<SecondFactor, string> = {
  none: 'none',
  email: 'code by mail',
  totp: 'authenticator app',
}

/** factor: the second factor of one's own account. */
export function factorCommands(program: Command): void {
  const factor = program.command('factor').description('your second factor: add, confirm, list, remove, recovery codes')
  const kind = () => new Argument('<factor>', 'totp: an authenticator app').choices(['totp'])
  factor
    .command('list')
    .description('which second factor your sign-in asks for')
    .option('--json', 'print JSON')
    .action(list)
  factor
    .command('add')
    .description('add an authenticator app: prints its secret, as text, otpauth URI and QR code')
    .addArgument(kind())
    .option('--otp <code>', 'a fresh code of the factor that you have now (see sealmq step-up)')
    .option('--json', 'print the secret as JSON and ask nothing')
    .addHelpText('after', '\nIt counts after it is confirmed with a code of the app: a terminal asks for it at once.')
    .action((_kind: string, flags: FactorFlags) => add(flags))
  factor
    .command('confirm')
    .description('confirm the authenticator app with a code of it; prints ten recovery codes, once')
    .addArgument(kind())
    .option('--otp <code>', 'code that the app shows; without it you are asked')
    .option('--json', 'print JSON')
    .action((_kind: string, flags: FactorFlags) => confirm(flags))
  factor
    .command('remove')
    .description('remove the authenticator app and the recovery codes')
    .addArgument(kind())
    .option('--json', 'print JSON')
    .action(async (_kind: string, { json }: FactorFlags) => {
      await (await signedInAuthority()).request('DELETE', routes.totp)
      report(json, { removed: 'totp' }, 'The authenticator app and its recovery codes are removed.')
    })
  factor
    .command('recovery-codes')
    .description('ten new recovery codes, printed once; the old ones end')
    .option('--json', 'print JSON')
    .action(async ({ json }: FactorFlags) => {
      show(await (await signedInAuthority()).request<RecoveryCodes>('POST', routes.recoveryCodes), json)
    })
}

async function list({ json }: FactorFlags): Promise<void> {
  const factors = await (await signedInAuthority()).request<Factors>('GET', routes.factors)
  if (json) {
    print(JSON.stringify(factors))
    return
  }
  const { secondFactor, authenticatorRequired, recoveryCodesLeft, addressProved } = factors
  const weaker = secondFactor === 'email' ? ' (weaker: whoever reads your mail has it; sealmq factor add totp)' : ''
  print(`second factor: ${factorNames[secondFactor]}${weaker}`)
  print(`authenticator required by a role: ${authenticatorRequired ? 'yes' : 'no'}`)
  print(`recovery codes left: ${recoveryCodesLeft}`)
  print(`address proved: ${addressProved ? 'yes' : 'no'}`)
}

async function add({ otp, json }: FactorFlags): Promise<void> {
  const authority = await signedInAuthority()
  if (otp !== undefined) await stepUp(authority, { otp })
  const enrolment = await authority.request<TotpEnrolment>('POST', routes.totp).catch(sayHowToProve)
  if (json) {
    print(JSON.stringify(enrolment))
    return
  }
  print(renderUnicodeCompact(enrolment.uri))
  print(`secret  ${enrolment.secret}`)
  print(`URI     ${enrolment.uri}`)
  if (isAttended()) {
    note('Scan it with your authenticator app, or type the secret there.')
    await confirm({})
  } else note('It does not count yet. Confirm it with sealmq factor confirm totp --otp CODE.')
}

// The authority does not know by which address it is reached from here.
async function sayHowToProve(error: unknown): Promise<never> {
  if (!(error instanceof AuthorityError && error.code === 'address-unproved')) throw error
  const verify = accountCommand('verify', await readCredentials(), '--resend')
  throw new CommandError(error.code, `Prove your address first, so that you can be told of changes: ${verify}`)
}

async function confirm({ otp, json }: FactorFlags): Promise<void> {
  const authority = await signedInAuthority()
  const codes = await withCode(otp, { flag: '--otp CODE', question: codeQuestions.totp }, (code) =>
    authority.request<RecoveryCodes>('POST', routes.totpConfirm, { otp: code }),
  )
  show(codes, json)
  const isEnrolled = await enrolWhenActive(authority)
  if (json) return
  note('Your sign-in asks for the authenticator app from now on.')
  if (isEnrolled) note('This installation is a sender now: your roles hold.')
}

function show(codes: RecoveryCodes, json: boolean | undefined): void {
  if (json) print(JSON.stringify(codes))
  else {
    for (const code of codes.recoveryCodes) print(code)
    note(
      'Recovery codes: each signs in once without the app. They are not shown again; keep them where others cannot read.',
    )
  }
}
