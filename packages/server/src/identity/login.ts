import type { SecondFactor } from '@sealmq/protocol/api'
import { memberTarget } from '../administration/change.ts'
import { fingerprint, memberActor, stranger, system } from '../audit/actors.ts'
import { recordAlone, recorded } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import * as texts from '../mail/mail-texts.ts'
import type { Database } from '../store/schema.ts'
import type { IdentityContext } from './identity-context.ts'
import { knownDeviceKey, noteDeviceUse, rememberDevice } from './known-devices.ts'
import { type Addressee, tell } from './mailed-codes.ts'
import { hashPassword, importedHashPattern, isImportedHash, verifyPassword } from './passwords.ts'
import { type GivenFactor, secondFactorOf, sendFactorCode, takeFactor } from './second-factor.ts'
import { type Origin, startSession } from './sessions.ts'
import { normalSignInName } from './sign-in-name.ts'
import { admitSource, countFailure } from './source-address.ts'
import { clearTries, countTry, lockEvent } from './tries.ts'

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
  const seen: Seen = { reason: null, knownDevice: false }
  try {
    return await checkedLogIn(context, attempt, origin, seen)
  } catch (error) {
    if (error instanceof AuthorityError && isFailure(error, seen)) await recordFailure(context, attempt, error, seen)
    if (error instanceof AuthorityError && error.code === 'wrong-credentials') {
      const { failureTime, importedFailureTime } = context.settings
      const time = (await hasImportedPasswords(context.store)) ? importedFailureTime : failureTime
      await context.wait(Math.max(0, askedAt + time - context.monotonic()))
    }
    throw error
  }
}

/** Why a sign-in failed; recorded, never answered. */
interface Seen {
  reason: 'unknown name' | 'wrong password' | 'locked by tries' | 'locked' | 'wrong code' | 'password changed' | null
  /** Whether it came from a device that has signed in before. */
  knownDevice: boolean
}

// What was refused before anything was looked at is counted only: the log must not be filled from outside.
const isFailure = ({ code }: AuthorityError, { reason }: Seen) =>
  code === 'wrong-credentials' || (reason === 'wrong code' && code === 'wrong-code')

async function recordFailure(
  context: IdentityContext,
  { email }: LoginAttempt,
  { code }: AuthorityError,
  { reason, knownDevice }: Seen,
): Promise<void> {
  const name = normalSignInName(email)
  const member = await context.store.selectFrom('members').select('id').where('email', '=', name).executeTakeFirst()
  const shown = member ? name : fingerprint(context.codes, name)
  await recordAlone(
    { ...context, by: { ...context.by, actor: stranger(shown) } },
    {
      action: 'login.try',
      result: 'refused',
      code,
      on: member ? memberTarget({ id: member.id, email: name }) : null,
      detail: { reason, knownDevice },
    },
  )
}

async function checkedLogIn(
  context: IdentityContext,
  attempt: LoginAttempt,
  origin: Origin,
  seen: Seen,
): Promise<SignedIn> {
  const { store } = context
  const now = context.now()
  const name = normalSignInName(attempt.email)
  const deviceKey = attempt.knownDevice === undefined ? null : await knownDeviceKey(store, name, attempt.knownDevice)
  seen.knownDevice = deviceKey !== null
  if (deviceKey === null) await admitSource(context, origin)
  // Counted before the password is looked at, so that parallel guesses cannot outrun the count.
  const key = deviceKey ?? passwordKey(context, name)
  const admission = await countTry(store, key, passwordLimits(context), now)
  // Each refusal is recorded: also a device that is known, but locked, must not go on without end.
  if (deviceKey !== null && !admission.admitted) await admitSource(context, origin)
  const member = await store
    .selectFrom('members')
    .select(['id', 'password', 'locked_at'])
    .where('email', '=', name)
    .where('kind', '=', 'person')
    .executeTakeFirst()
  const isRight = await verifyPassword(attempt.password, admission.admitted ? (member?.password ?? null) : null)
  if (!admission.admitted || !member || !isRight || member.locked_at !== null) {
    seen.reason = !admission.admitted
      ? 'locked by tries'
      : !member
        ? 'unknown name'
        : member.locked_at !== null
          ? 'locked'
          : 'wrong password'
    await countFailure(context, origin)
    if (member && admission.admitted && admission.lockedUntil !== null) {
      await tellOfLock(context, { id: member.id, signInName: name }, admission.lockedUntil, origin)
    }
    throw wrongCredentials()
  }
  // The second factor has a count of its own, which the right password does not clear.
  await clearTries(store, [key])
  seen.reason = 'wrong code'
  const factor = await requireFactor(context, { id: member.id, signInName: name }, attempt)
  seen.reason = 'password changed'
  const stored = isImportedHash(member.password) ? await hashPassword(attempt.password) : member.password
  return recorded(context, async (transaction, record) => {
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
    record(
      {
        action: 'login.try',
        on: { kind: 'session', id: session.id, name: null },
        detail: { factor, knownDevice: deviceKey !== null },
      },
      { ...context.by, actor: await memberActor(transaction, member.id) },
    )
    const knownDevice = deviceKey === null ? await rememberDevice(transaction, member.id, now) : attempt.knownDevice!
    return { member: member.id, token: session.token, expiresAt: session.expiresAt, knownDevice }
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
): Promise<SecondFactor | 'recovery code'> {
  const factor = await secondFactorOf(context.store, member.id)
  if (factor === 'none') return factor
  if (given.otp !== undefined || given.recoveryCode !== undefined) {
    await takeFactor(context, member, factor, 'login', given)
    return given.recoveryCode === undefined ? factor : 'recovery code'
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

async function tellOfLock(
  context: IdentityContext,
  member: Addressee,
  until: number,
  { address }: Origin,
): Promise<void> {
  const minutes = Math.ceil((until - context.now()) / 60_000)
  await recorded(context, async (transaction, record) => {
    record(lockEvent(memberTarget({ id: member.id, email: member.signInName }), 'password', until), system)
    await tell(context, transaction, member.signInName, texts.locked({ ...context.about, minutes, address }))
  })
  context.mail.wake()
}

const wrongCredentials = () =>
  new AuthorityError(
    'wrong-credentials',
    'The sign-in name or the password is wrong, or the account is locked for some minutes. Check both, then wait and try again.',
  )
