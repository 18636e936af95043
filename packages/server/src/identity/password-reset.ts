import { memberTarget } from '../administration/change.ts'
import { memberActor, system } from '../audit/actors.ts'
import { recordAlone } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import * as texts from '../mail/mail-texts.ts'
import type { Database } from '../store/schema.ts'
import { endingSessions } from './ending-sessions.ts'
import type { IdentityContext } from './identity-context.ts'
import { forgetDevices } from './known-devices.ts'
import { passwordKey } from './login.ts'
import { admitAddress, admitCodeTry, admitRequest, mailCode, tell } from './mailed-codes.ts'
import { normalCode, tryCode } from './one-time-codes.ts'
import { checkPassword, hashPassword, verifyPassword } from './passwords.ts'
import { endSessions, type Origin } from './sessions.ts'
import { addressGroup, hasMailbox, normalSignInName } from './sign-in-name.ts'
import { admitSource, countFailure } from './source-address.ts'
import { clearTries, countTry, lockEvent } from './tries.ts'

/** Mails a code to set a new password with; answered alike when there is no such account. */
export async function forgotPassword(context: IdentityContext, email: string, origin: Origin): Promise<void> {
  const name = normalSignInName(email)
  await admitAddress(context, addressGroup(origin.address))
  await admitRequest(context, 'reset', name)
  const member = await context.store.selectFrom('members').select('id').where('email', '=', name).executeTakeFirst()
  if (member && hasMailbox(name)) await mailCode(context, { id: member.id, signInName: name }, 'reset')
}

/**
 * Sets a password with a code that was mailed or handed over. Sessions end, devices are forgotten; the second factor stays.
 * @throws AuthorityError `wrong-code`, `weak-password`, `too-many-tries`
 */
export async function resetPassword(
  context: IdentityContext,
  { email, code, password }: { email: string; code: string; password: string },
  origin: Origin,
): Promise<void> {
  const { store, codes, about, mail } = context
  const name = normalSignInName(email)
  await admitSource(context, origin)
  const member = await store
    .selectFrom('members')
    .select(['id', 'address_proved_at', 'password'])
    .where('email', '=', name)
    .where('kind', '=', 'person')
    .executeTakeFirst()
  // Before the code is taken: a weak password must not cost it. And so without the account's own words: a stranger would
  // learn from the advice whether there is one, and what its person is called.
  await checkPassword(password, [name])
  const hash = await hashPassword(password)
  const tried = await admitCodeTry(context, 'reset', name)
  const right = member ? await tryResetCode(context, member.id, code) : null
  if (!member || !right) {
    await countFailure(context, origin)
    throw wrongCode()
  }
  const { purpose: taken } = right
  const now = context.now()
  await endingSessions(context, async (transaction, record) => {
    if (!(await right.use(transaction))) throw wrongCode()
    const actor = await memberActor(transaction, member.id)
    record(
      {
        action: 'password.reset',
        on: memberTarget({ id: member.id, email: name }),
        detail: { code: taken === 'invitation' ? 'handed over' : 'mailed' },
      },
      { ...context.by, actor },
    )
    // Whoever had the code read the mailbox, or was handed the code by an administrator.
    const proves = member.address_proved_at === null && (taken === 'reset' || hasMailbox(name))
    await transaction
      .updateTable('members')
      .set({
        password: hash,
        ...(proves ? { address_proved_at: now } : {}),
        // An invitation makes the account as a sign-up does: with the mailed code as second factor.
        ...(taken === 'invitation' && hasMailbox(name) && member.password === '' ? { email_factor: 1 } : {}),
      })
      .where('id', '=', member.id)
      .execute()
    await endSessions(transaction, member.id)
    await forgetDevices(transaction, member.id)
    await clearTries(transaction, [passwordKey({ codes }, name)])
    await tell(context, transaction, name, texts.passwordChanged(about))
  })
  await tried.succeeded()
  mail.wake()
}

const wrongCode = () =>
  new AuthorityError('wrong-code', 'The code is wrong, was used already, or has expired. Ask for a new one.')

/** Handed-over codes cannot be guessed: strangers' tries must not use them up. */
const handedCodeTries = 1_000_000

// Six digits are mailed because somebody forgot; the long ones are handed over.
async function tryResetCode({ store, codes, settings, now }: IdentityContext, member: string, code: string) {
  const purpose = /^\d{6}$/.test(normalCode(code)) ? ('reset' as const) : ('invitation' as const)
  const tries = purpose === 'reset' ? settings.codeTries : handedCodeTries
  const right = await tryCode(store, codes, { member, purpose, code, now: now(), tries })
  return right && { purpose, use: right.use }
}

/**
 * Changes the password of somebody who is signed in. All other sessions end.
 * @throws AuthorityError `wrong-credentials`, `weak-password`
 */
export async function changePassword(
  context: IdentityContext,
  member: { id: string; signInName: string; name: string },
  { password, newPassword, session }: { password: string; newPassword: string; session: string },
): Promise<void> {
  const { about, mail } = context
  await checkOwnPassword(context, member.id, password)
  await checkPassword(newPassword, [member.signInName, member.name])
  const hash = await hashPassword(newPassword)
  await endingSessions(context, async (transaction, record) => {
    record({ action: 'password.change', on: memberTarget({ id: member.id, email: member.signInName }) })
    await transaction.updateTable('members').set({ password: hash }).where('id', '=', member.id).execute()
    await endSessions(transaction, member.id, session)
    await tell(context, transaction, member.signInName, texts.passwordChanged(about))
  })
  mail.wake()
}

/**
 * Asks for the password once more; failures are counted per account.
 * @throws AuthorityError `wrong-credentials`, `too-many-tries`
 */
export async function checkOwnPassword(context: IdentityContext, member: string, password: string): Promise<void> {
  const { store, settings } = context
  const key = `own password ${member}`
  const now = context.now()
  const limits = { allowed: settings.lockTries, lock: settings.lockTime, longestLock: settings.longestLock }
  const admission = await countTry(store, key, limits, now)
  if (!admission.admitted) {
    const seconds = Math.ceil((admission.lockedUntil - now) / 1000)
    throw new AuthorityError('too-many-tries', `Too many wrong passwords. Wait ${seconds} s and try again.`, {
      retryAfter: seconds,
    })
  }
  if (!(await verifyPassword(password, await storedPassword(store, member)))) {
    const { lockedUntil: until } = admission
    const on = memberTarget({ id: member, email: context.by.actor.name ?? '' })
    if (until !== null) await recordAlone({ ...context, by: system }, lockEvent(on, 'own password', until))
    throw new AuthorityError('wrong-credentials', 'The password is wrong. Check it and try again.')
  }
  await clearTries(store, [key])
}

async function storedPassword(store: Database, member: string): Promise<string | null> {
  const row = await store.selectFrom('members').select('password').where('id', '=', member).executeTakeFirst()
  return row?.password ?? null
}
