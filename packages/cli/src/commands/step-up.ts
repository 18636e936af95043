import type { SteppedUp } from '@sealmq/protocol/api'
import { type Command, Option } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { minuteOf, report } from '../output.ts'
import { readPassword } from '../password.ts'
import { presentFactor, sendStepUpCode, stepUp, stepUpByAsking } from '../step-up.ts'
import { isAttended } from '../terminal.ts'

interface StepUpFlags {
  otp?: string
  recoveryCode?: string
  passwordFile?: string
  send?: boolean
  json?: boolean
}

/** step-up: a fresh factor for changes. */
export function stepUpCommand(program: Command): void {
  program
    .command('step-up')
    .description('give a fresh factor: changes of roles, keys, factors and senders ask for one that is minutes old')
    .option('--otp <code>', 'code of your authenticator app, or the one that was mailed')
    .addOption(new Option('--recovery-code <code>', 'one of your recovery codes, instead').conflicts('otp'))
    .addOption(
      new Option('--password-file <file>', 'file with your password, where the account has no second factor').conflicts(
        ['otp', 'recoveryCode'],
      ),
    )
    .addOption(
      new Option('--send', 'have a code mailed, where that is your second factor').conflicts([
        'otp',
        'recoveryCode',
        'passwordFile',
      ]),
    )
    .option('--json', 'print JSON')
    .addHelpText('after', '\nIn a terminal, without flags, it asks for what the account has.')
    .action(async (flags: StepUpFlags) => {
      const steppedUp = await giveFactor(flags)
      if (steppedUp === null) report(flags.json, { sent: true }, 'A code was mailed. Run sealmq step-up --otp CODE.')
      else report(flags.json, steppedUp, `The factor is fresh until ${minuteOf(steppedUp.until)} UTC.`)
    })
}

async function giveFactor({ otp, recoveryCode, passwordFile, send }: StepUpFlags): Promise<SteppedUp | null> {
  const authority = await signedInAuthority()
  if (otp !== undefined) return stepUp(authority, { otp })
  if (recoveryCode !== undefined) return stepUp(authority, { recoveryCode })
  if (passwordFile !== undefined) return stepUp(authority, { password: await readPassword(passwordFile) })
  if (isAttended()) return stepUpByAsking(authority, send ? 'email' : await presentFactor(authority))
  if (!send) throw new CommandError('usage', 'Give --otp, --recovery-code, --password-file or --send.', exitCodes.usage)
  await sendStepUpCode(authority)
  return null
}
