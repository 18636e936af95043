import { memberTarget } from '../administration/change.ts'
import { recorded } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import * as texts from '../mail/mail-texts.ts'
import type { CodePurpose, Database } from '../store/schema.ts'
import type { IdentityContext } from './identity-context.ts'
import { newDigits, type RightCode, storeCode, tryCode } from './one-time-codes.ts'
import { clearTries, countTry } from './tries.ts'

/** A member as mail reaches it. */
export interface Addressee {
  id: string
  signInName: string
}

/** What requests for a code are counted under. */
export const requestKey = ({ codes }: Pick<IdentityContext, 'codes'>, use: string, signInName: string): string =>
  `send ${use} ${codes.name(signInName)}`

/**
 * Counts a request for a code, whether or not the account exists.
 * @param use what the code is for
 * @throws AuthorityError `too-many-tries` with the seconds to wait
 */
export async function admitRequest(
  { store, codes, settings, now }: IdentityContext,
  use: string,
  signInName: string,
): Promise<void> {
  const limits = { allowed: 1, lock: settings.codeResend, longestLock: settings.codeResend }
  const admission = await countTry(store, requestKey({ codes }, use, signInName), limits, now())
  if (!admission.admitted) throw tooSoon(admission.lockedUntil - now())
}

/**
 * Counts what a source address asks for that costs mail or work.
 * @throws AuthorityError `too-many-tries`
 */
export async function admitAddress({ store, settings, now }: IdentityContext, group: string): Promise<void> {
  const hour = 3_600_000
  const limits = { allowed: settings.addressRequests, lock: hour, longestLock: hour }
  const admission = await countTry(store, `requests from ${group}`, limits, now())
  if (!admission.admitted) throw tooSoon(admission.lockedUntil - now())
}

/**
 * Counts a try of a code that was mailed to a sign-in name, over all codes: new ones must not give new tries without end.
 * @throws AuthorityError `too-many-tries`
 */
export async function admitCodeTry(
  { store, codes, settings, now }: IdentityContext,
  use: string,
  signInName: string,
): Promise<{ succeeded: () => Promise<void> }> {
  // An hour at most: longer, and a stranger could keep the owner from setting a new password.
  const limits = { allowed: 2 * settings.codeTries, lock: settings.lockTime, longestLock: 3_600_000 }
  const key = `codes ${use} ${codes.name(signInName)}`
  const admission = await countTry(store, key, limits, now())
  if (!admission.admitted) throw tooSoon(admission.lockedUntil - now())
  return { succeeded: () => clearTries(store, [key]) }
}

const codeTexts = {
  login: texts.loginCode,
  'step-up': texts.stepUpCode,
  address: texts.addressCode,
  reset: texts.resetCode,
}

/** Makes a code of six digits, stores its hash and its mail; the one before it is dead. */
export async function mailCode(
  context: IdentityContext,
  member: Addressee,
  purpose: keyof typeof codeTexts,
): Promise<void> {
  const { codes, settings, about, mail } = context
  const code = newDigits()
  const now = context.now()
  const expiresAt = now + settings.codeTime
  const minutes = settings.codeTime / 60_000
  await recorded(context, async (transaction, record) => {
    record({
      action: 'code.send',
      on: memberTarget({ id: member.id, email: member.signInName }),
      detail: { purpose, way: 'mail', expiresAt },
    })
    await storeCode(transaction, codes, { member: member.id, purpose, code, now, expiresAt })
    await mail.enqueue(transaction, {
      to: member.signInName,
      ...codeTexts[purpose]({ ...about, code, minutes }),
      expiresAt,
    })
  })
  mail.wake()
}

/** Looks at a mailed code; to be used up in the transaction of what it is good for. @returns null when it is wrong */
export function tryMailedCode(
  { store, codes, settings, now }: IdentityContext,
  member: string,
  purpose: CodePurpose,
  code: string,
): Promise<RightCode | null> {
  return tryCode(store, codes, { member, purpose, code, now: now(), tries: settings.codeTries })
}

/** Tells a member by mail, where it has a mailbox. Belongs into the transaction of what it tells of. */
export async function tell(
  { mail, now }: Pick<IdentityContext, 'mail' | 'now'>,
  store: Database,
  signInName: string,
  text: { subject: string; text: string },
): Promise<void> {
  if (!signInName.includes('@')) return
  const day = 86_400_000
  await mail.enqueue(store, { to: signInName, ...text, expiresAt: now() + 3 * day })
}

const tooSoon = (wait: number) => {
  const seconds = Math.max(1, Math.ceil(wait / 1000))
  return new AuthorityError('too-many-tries', `Too soon or too often. Wait ${seconds} s and try again.`, {
    retryAfter: seconds,
  })
}
