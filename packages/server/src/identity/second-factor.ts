import type { SecondFactor } from '@sealmq/protocol/api'
import { memberTarget } from '../administration/change.ts'
import { system } from '../audit/actors.ts'
import { recordAlone, recorded } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import * as texts from '../mail/mail-texts.ts'
import type { Database } from '../store/schema.ts'
import type { IdentityContext } from './identity-context.ts'
import { type Addressee, admitRequest, mailCode, requestKey, tell, tryMailedCode } from './mailed-codes.ts'
import { recoveryCodesLeft, takeRecoveryCode } from './recovery-codes.ts'
import { takeTotp, totpState } from './totp.ts'
import { clearTries, countTry, lockEvent } from './tries.ts'

/** What a person may give as a second factor. */
export interface GivenFactor {
  otp?: string | undefined
  recoveryCode?: string | undefined
}

/** What failures of the second factor are counted under; it locks by itself, whoever knows the password. */
export const factorKey = (member: string): string => `factor ${member}`

/** The second factor that a member's sign-in asks for. */
export async function secondFactorOf(store: Database, member: string): Promise<SecondFactor> {
  if ((await totpState(store, member)) === 'confirmed') return 'totp'
  const row = await store
    .selectFrom('members')
    .select('email_factor')
    .where('id', '=', member)
    .where('address_proved_at', 'is not', null)
    .executeTakeFirst()
  return row?.email_factor === 1 ? 'email' : 'none'
}

/** Mails the code that a sign-in or step-up asks for. @throws AuthorityError `too-many-tries` */
export async function sendFactorCode(
  context: IdentityContext,
  member: Addressee,
  purpose: 'login' | 'step-up',
): Promise<void> {
  await admitRequest(context, purpose, member.signInName)
  await mailCode(context, member, purpose)
}

/**
 * Takes a second factor: each code once, failures counted before they are looked at and over all sessions.
 * @throws AuthorityError `wrong-code`, `too-many-tries`
 */
export async function takeFactor(
  context: IdentityContext,
  member: Addressee,
  factor: 'totp' | 'email',
  purpose: 'login' | 'step-up',
  { otp, recoveryCode }: GivenFactor,
): Promise<void> {
  const { store, masterKey, codes, settings } = context
  const now = context.now()
  const limits = { allowed: settings.codeTries, lock: settings.lockTime, longestLock: settings.longestLock }
  const admission = await countTry(store, factorKey(member.id), limits, now)
  if (!admission.admitted) {
    const seconds = Math.max(1, Math.ceil((admission.lockedUntil - now) / 1000))
    throw new AuthorityError('too-many-tries', `Too many wrong codes. Wait ${seconds} s and try again.`, {
      retryAfter: seconds,
    })
  }
  const isMailed = recoveryCode === undefined && otp !== undefined && factor === 'email'
  const mailed = isMailed ? await tryMailedCode(context, member.id, purpose, otp) : null
  const take = async (transaction: Database): Promise<boolean> => {
    if (recoveryCode !== undefined) return takeRecoveryCode(transaction, codes, member.id, recoveryCode)
    if (otp === undefined) return false
    if (factor === 'totp') return takeTotp(transaction, masterKey, { member: member.id, code: otp, now })
    return (await mailed?.use(transaction)) ?? false
  }
  const on = memberTarget({ id: member.id, email: member.signInName })
  const isRight = await recorded(context, async (transaction, record) => {
    if (!(await take(transaction))) return false
    // A mailed code that was used is no reason to make the next one wait.
    await clearTries(transaction, [factorKey(member.id), requestKey(context, purpose, member.signInName)])
    record({
      action: 'code.use',
      on,
      detail: { purpose, way: recoveryCode !== undefined ? 'recovery code' : factor },
    })
    if (recoveryCode !== undefined) {
      const left = await recoveryCodesLeft(transaction, member.id)
      await tell(context, transaction, member.signInName, texts.recoveryCodeUsed({ ...context.about, left }))
    }
    return true
  })
  if (!isRight) {
    const { lockedUntil: until } = admission
    if (until !== null) await recordAlone({ ...context, by: system }, lockEvent(on, 'second factor', until))
    throw new AuthorityError('wrong-code', 'The code is wrong, was used already, or has expired. Take a new one.')
  }
  if (recoveryCode !== undefined) context.mail.wake()
}
