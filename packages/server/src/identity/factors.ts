import type { Factors, TotpEnrolment } from '@sealmq/protocol/api'
import { memberTarget } from '../administration/change.ts'
import { system } from '../audit/actors.ts'
import { recordAlone, recorded } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import * as texts from '../mail/mail-texts.ts'
import type { Database } from '../store/schema.ts'
import { endingSessions } from './ending-sessions.ts'
import type { IdentityContext } from './identity-context.ts'
import { type Addressee, tell } from './mailed-codes.ts'
import { recoveryCodesLeft, renewRecoveryCodes } from './recovery-codes.ts'
import { factorKey, secondFactorOf } from './second-factor.ts'
import { endSessions } from './sessions.ts'
import { hasMailbox } from './sign-in-name.ts'
import { confirmTotp, enrolTotp, removeTotp, takeTotp, totpState } from './totp.ts'
import { clearTries, countTry, lockEvent } from './tries.ts'

/** What a member signs in with beside the password. */
export async function factorsOf(store: Database, member: string): Promise<Factors> {
  const { address_proved_at } = await store
    .selectFrom('members')
    .select('address_proved_at')
    .where('id', '=', member)
    .executeTakeFirstOrThrow()
  return {
    secondFactor: await secondFactorOf(store, member),
    authenticatorRequired: await authenticatorRequired(store, member),
    recoveryCodesLeft: await recoveryCodesLeft(store, member),
    addressProved: address_proved_at !== null,
  }
}

/** Whether a role of the member asks for the authenticator. */
export async function authenticatorRequired(store: Database, member: string): Promise<boolean> {
  const row = await store
    .selectFrom('member_roles')
    .innerJoin('roles', 'roles.id', 'member_roles.role_id')
    .select('roles.id')
    .where('member_id', '=', member)
    .where('require_authenticator', '=', 1)
    .limit(1)
    .executeTakeFirst()
  return row !== undefined
}

/**
 * Makes a secret for the authenticator; it counts once it is confirmed.
 * @throws AuthorityError `conflict` (there is one), `address-unproved`
 */
export async function addTotp(context: IdentityContext, member: Addressee, issuer: string): Promise<TotpEnrolment> {
  const { store, masterKey } = context
  if ((await totpState(store, member.id)) === 'confirmed') throw alreadyThere()
  const { addressProved } = await factorsOf(store, member.id)
  if (hasMailbox(member.signInName) && !addressProved) {
    throw new AuthorityError(
      'address-unproved',
      'Prove your address first, so that you can be told of changes: ask for a code (sealmq verify --resend), then give it.',
    )
  }
  const enrolment = await enrolTotp(store, masterKey, member, issuer)
  // Confirmed by another request meanwhile.
  if (!enrolment) throw alreadyThere()
  return enrolment
}

const alreadyThere = () =>
  new AuthorityError('conflict', 'There is an authenticator already. Remove it first: sealmq factor remove totp.')

/**
 * Confirms the authenticator with one of its codes. @returns ten recovery codes
 * @throws AuthorityError `wrong-code`, `not-found`, `conflict`, `too-many-tries`
 */
export async function confirmAuthenticator(
  context: IdentityContext,
  member: Addressee,
  code: string,
): Promise<string[]> {
  const { store, masterKey, codes, about, mail, settings } = context
  const on = memberTarget({ id: member.id, email: member.signInName })
  const state = await totpState(store, member.id)
  if (state === 'none')
    throw new AuthorityError('not-found', 'There is no authenticator to confirm. Begin with sealmq factor add totp.')
  if (state === 'confirmed') throw new AuthorityError('conflict', 'The authenticator is confirmed already.')
  const now = context.now()
  const limits = { allowed: settings.codeTries, lock: settings.lockTime, longestLock: settings.longestLock }
  const admission = await countTry(store, factorKey(member.id), limits, now)
  if (!admission.admitted) {
    const seconds = Math.ceil((admission.lockedUntil - now) / 1000)
    throw new AuthorityError('too-many-tries', `Too many wrong codes. Wait ${seconds} s and try again.`, {
      retryAfter: seconds,
    })
  }
  const recovery = await recorded(context, async (transaction, record) => {
    if (!(await takeTotp(transaction, masterKey, { member: member.id, code, now }))) return null
    record({ action: 'factor.add', on, detail: { factor: 'totp' } })
    await clearTries(transaction, [factorKey(member.id)])
    await confirmTotp(transaction, member.id, now)
    await tell(context, transaction, member.signInName, texts.authenticatorAdded(about))
    return renewRecoveryCodes(transaction, codes, member.id)
  })
  if (recovery === null) {
    const { lockedUntil: until } = admission
    if (until !== null) await recordAlone({ ...context, by: system }, lockEvent(on, 'second factor', until))
    throw new AuthorityError(
      'wrong-code',
      'The code is not the one of the authenticator now. Check its clock, take the next.',
    )
  }
  mail.wake()
  return recovery
}

/** Removes the authenticator and its recovery codes. @throws AuthorityError `not-found`, `not-allowed` (a role asks for it) */
export async function removeAuthenticator(context: IdentityContext, member: Addressee): Promise<void> {
  const { store, about, mail } = context
  if ((await totpState(store, member.id)) === 'none')
    throw new AuthorityError('not-found', 'There is no authenticator to remove.')
  if (await authenticatorRequired(store, member.id)) {
    throw new AuthorityError(
      'not-allowed',
      'A role of yours asks for the authenticator. An administrator can reset it.',
    )
  }
  await recorded(context, async (transaction, record) => {
    const on = memberTarget({ id: member.id, email: member.signInName })
    record({ action: 'factor.remove', on, detail: { factor: 'totp' } })
    await removeTotp(transaction, member.id)
    await tell(context, transaction, member.signInName, texts.authenticatorRemoved(about))
  })
  mail.wake()
}

/** Forgets a member's authenticator for it, because the telephone is lost; its sessions end. */
export async function resetAuthenticator(context: IdentityContext, member: Addressee): Promise<void> {
  const { about, mail } = context
  await endingSessions(context, async (transaction, record) => {
    record({ action: 'member.reset-factor', on: memberTarget({ id: member.id, email: member.signInName }) })
    await removeTotp(transaction, member.id)
    await clearTries(transaction, [factorKey(member.id)])
    await endSessions(transaction, member.id)
    await tell(context, transaction, member.signInName, texts.authenticatorRemoved(about))
  })
  mail.wake()
}

/** Ten new recovery codes; the old ones end. @throws AuthorityError `not-found` (no authenticator) */
export async function newRecoveryCodes(context: IdentityContext, member: Addressee): Promise<string[]> {
  const { store, codes } = context
  if ((await totpState(store, member.id)) !== 'confirmed') {
    throw new AuthorityError('not-found', 'Recovery codes belong to an authenticator: sealmq factor add totp.')
  }
  return recorded(context, (transaction, record) => {
    record({ action: 'factor.recovery-codes', on: memberTarget({ id: member.id, email: member.signInName }) })
    return renewRecoveryCodes(transaction, codes, member.id)
  })
}
