import type { StepUpRequest } from '@sealmq/protocol/api'
import { recorded } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import type { IdentityContext } from './identity-context.ts'
import type { Addressee } from './mailed-codes.ts'
import { checkOwnPassword } from './password-reset.ts'
import { secondFactorOf, sendFactorCode, takeFactor } from './second-factor.ts'
import { type LivingSession, refreshFactor } from './sessions.ts'

/**
 * Takes a fresh factor: the second one, or the password where there is no second.
 * @returns until when it counts, ms
 * @throws AuthorityError `bad-request`, `wrong-code`, `wrong-credentials`, `too-many-tries`
 */
export async function stepUp(
  context: IdentityContext,
  session: LivingSession,
  member: Addressee,
  given: StepUpRequest,
): Promise<number> {
  const factor = await secondFactorOf(context.store, member.id)
  if (factor === 'none') {
    if (given.password === undefined)
      throw new AuthorityError('bad-request', 'Give your password.', { factor: 'password' })
    await checkOwnPassword(context, member.id, given.password)
  } else {
    if (given.otp === undefined && given.recoveryCode === undefined) {
      throw new AuthorityError('bad-request', 'Give a code of your second factor, or a recovery code.', { factor })
    }
    await takeFactor(context, member, factor, 'step-up', given)
  }
  const now = context.now()
  await recorded(context, async (transaction, record) => {
    await refreshFactor(transaction, session.id, now)
    record({
      action: 'session.step-up',
      on: { kind: 'session', id: session.id, name: null },
      detail: { factor: factor === 'none' ? 'password' : factor },
    })
  })
  return now + context.settings.stepUpTime
}

/** Mails the code for a step-up. @throws AuthorityError `bad-request` (another factor), `too-many-tries` */
export async function sendStepUpCode(context: IdentityContext, member: Addressee): Promise<void> {
  const factor = await secondFactorOf(context.store, member.id)
  if (factor !== 'email') {
    throw new AuthorityError(
      'bad-request',
      factor === 'totp'
        ? 'Take the code from your authenticator app.'
        : 'Give your password: this account has no second factor.',
      { factor: factor === 'totp' ? 'totp' : 'password' },
    )
  }
  await sendFactorCode(context, member, 'step-up')
}

/** Whether a session's factor is fresh enough for a change. */
export const isFresh = (
  { settings, now }: Pick<IdentityContext, 'settings' | 'now'>,
  { factorAt }: LivingSession,
): boolean => {
  const age = now() - factorAt
  // A time ahead of the clock was written before the clock went back.
  return age >= -60_000 && age <= settings.stepUpTime
}
