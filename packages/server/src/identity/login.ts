import { AuthorityError } from '../authority-error.ts'
import * as texts from '../mail/mail-texts.ts'
import type { Database } from '../store/schema.ts'
import type { IdentityContext } from './identity-context.ts'
import { knownDeviceKey, noteDeviceUse, rememberDevice } from './known-devices.ts'
import { tell } from './mailed-codes.ts'
import { hashPassword, importedHashPattern, isImportedHash, verifyPassword } from './passwords.ts'
import { type GivenFactor, secondFactorOf, sendFactorCode, takeFactor } from './second-factor.ts'
import { type Origin, startSession } from './sessions.ts'
import { normalSignInName } from './sign-in-name.ts'
import { admitSource, countFailure } from './source-address.ts'
import { clearTries, countTry } from './tries.ts'

/** What a sign-in gives. */
export interface LoginAttempt extends GivenFactor {
  email: string
  password: string
  knownDevice?: string | undefined
}

export interface SignedIn {
  member: string
  token: string
  /** ms */
  expiresAt: number
  knownDevice: string
}

/** What wrong passwords from devices that nobody knows are counted under. */
export const passwordKey = ({ codes }: Pick<IdentityContext, 'codes'>, signInName: string): string =>
  `password ${codes.name(signInName)}`

/** The limits of wrong passwords. */
export const passwordLimits = ({ settings }: Pick<IdentityContext, 'settings'>) => ({
  allowed: settings.lockTries,
  lock: settings.lockTime,
  longestLock: settings.longestLock,
})

/**
 * Signs a member in. An unknown name, a wrong password and a locked account are answered alike, after the same time.
 * @throws AuthorityError `wrong-credentials`, `otp-required`, `wrong-code`, `too-many-tries`, `busy`
 */
export async function logIn(context: IdentityContext, attempt: LoginAttempt, origin: Origin): Promise<SignedIn> {
  const askedAt = context.monotonic()
  try {
    return await checkedLogIn(context, attempt, origin)
  } catch (error) {
    if (error instanceof AuthorityError && error.code === 'wrong-credentials') {
      const { failureTime, importedFailureTime } = context.settings
      const time = (await hasImportedPasswords(context.store)) ? importedFailureTime : failureTime
      await context.wait(Math.max(0, askedAt + time - context.monotonic()))
    }
    throw error
  }
}

async function checkedLogIn(context: IdentityContext, attempt: LoginAttempt, origin: Origin): Promise<SignedIn> {
  const { store } = context
  const now = context.now()
  const name = normalSignInName(attempt.email)
  const deviceKey = attempt.knownDevice === undefined ? null : await knownDeviceKey(store, name, attempt.knownDevice)
  if (deviceKey === null) await admitSource(context, origin)
  // Counted before the password is looked at, so that parallel guesses cannot outrun the count.
  const key = deviceKey ?? passwordKey(context, name)
  const admission = await countTry(store, key, passwordLimits(context), now)
  const member = await store
    .selectFrom('members')
    .select(['id', 'password', 'locked_at'])
    .where('email', '=', name)
    .executeTakeFirst()
  const isRight = await verifyPassword(attempt.password, admission.admitted ? (member?.password ?? null) : null)
  if (!admission.admitted || !member || !isRight || member.locked_at !== null) {
    await countFailure(context, origin)
    if (member && admission.admitted && admission.lockedUntil !== null) {
      await tellOfLock(context, name, admission.lockedUntil - now, origin)
    }
    throw wrongCredentials()
  }
  // The second factor has a count of its own, which the right password does not clear.
  await clearTries(store, [key])
  await requireFactor(context, { id: member.id, signInName: name }, attempt)
  const stored = isImportedHash(member.password) ? await hashPassword(attempt.password) : member.password
  return store.transaction().execute(async (transaction) => {
    // A password that was changed while this sign-in was under way signs nobody in any more.
    const { numUpdatedRows } = await transaction
      .updateTable('members')
      .set({ password: stored })
      .where('id', '=', member.id)
      .where('password', '=', member.password)
      .where('locked_at', 'is', null)
      .executeTakeFirstOrThrow()
    if (numUpdatedRows === 0n) throw wrongCredentials()
    if (deviceKey !== null) await noteDeviceUse(transaction, attempt.knownDevice!, now)
    const { sessionTime } = context.settings
    const session = await startSession(transaction, member.id, { now: context.now(), sessionTime, origin })
    const knownDevice = deviceKey === null ? await rememberDevice(transaction, member.id, now) : attempt.knownDevice!
    return { member: member.id, ...session, knownDevice }
  })
}

async function hasImportedPasswords(store: Database): Promise<boolean> {
  const row = await store
    .selectFrom('members')
    .select('id')
    .where('password', 'like', importedHashPattern)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

async function requireFactor(
  context: IdentityContext,
  member: { id: string; signInName: string },
  given: GivenFactor,
): Promise<void> {
  const factor = await secondFactorOf(context.store, member.id)
  if (factor === 'none') return
  if (given.otp !== undefined || given.recoveryCode !== undefined) {
    await takeFactor(context, member, factor, 'login', given)
    return
  }
  if (factor === 'totp') {
    throw new AuthorityError('otp-required', 'Give the code of your authenticator app, or a recovery code.', { factor })
  }
  await sendFactorCode(context, member, 'login')
  throw new AuthorityError('otp-required', 'A code was mailed to you. Give it to go on.', {
    factor,
    retryAfter: Math.ceil(context.settings.codeResend / 1000),
  })
}

async function tellOfLock(context: IdentityContext, name: string, lock: number, { address }: Origin): Promise<void> {
  await tell(
    context,
    context.store,
    name,
    texts.locked({ ...context.about, minutes: Math.ceil(lock / 60_000), address }),
  )
  context.mail.wake()
}

const wrongCredentials = () =>
  new AuthorityError(
    'wrong-credentials',
    'The sign-in name or the password is wrong, or the account is locked for some minutes. Check both, then wait and try again.',
  )
