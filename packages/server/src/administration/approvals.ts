import type { HandedCode, Invitation } from '@sealmq/protocol/api'
import { type Record, recorded } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import type { IdentityContext } from '../identity/identity-context.ts'
import { passwordKey } from '../identity/login.ts'
import { type Addressee, tell } from '../identity/mailed-codes.ts'
import { newLongCode, storeCode } from '../identity/one-time-codes.ts'
import { factorKey } from '../identity/second-factor.ts'
import { endSessions } from '../identity/sessions.ts'
import { checkSignInName, hasMailbox } from '../identity/sign-in-name.ts'
import { clearTries } from '../identity/tries.ts'
import * as texts from '../mail/mail-texts.ts'
import type { DatabaseTransaction } from '../store/schema.ts'
import { applyChange, type Change, channelsOfRoles, memberTarget, rolesOfMember, sendersOfMembers } from './change.ts'
import { findMember, findPerson, insertMember, roleIds, roleNames } from './members.ts'
import { removeMember, requireAdministrator, setMemberRoles } from './revocation.ts'

/** Gives a waiting member the role that it asked for, or another. @throws AuthorityError `not-found`, `conflict` */
export async function approveMember(
  context: IdentityContext,
  idOrName: string,
  role: string | undefined,
): Promise<string> {
  const id = await applyChange(context.changes, async (change) => {
    const { transaction } = change
    const member = await findMember(transaction, idOrName)
    const { state, requested_role } = await stateOf(transaction, member.id)
    if (state !== 'waiting')
      throw new AuthorityError('conflict', `${member.email} is not waiting. sealmq users role gives another role.`)
    const roles =
      role === undefined ? (requested_role === null ? [] : [requested_role]) : await roleIds(transaction, [role])
    if (roles.length === 0)
      throw new AuthorityError('bad-request', `${member.email} asked for a role that is gone. Name another: --role.`)
    change.record({
      action: 'member.approve',
      on: memberTarget(member),
      detail: { roles: await roleNames(transaction, roles) },
    })
    await admitRole(context, change, { id: member.id, signInName: member.email }, roles)
    return member.id
  })
  context.mail.wake()
  return id
}

/** Makes a waiting member an active one with these roles, as part of a change. */
export async function admitRole(
  context: IdentityContext,
  change: Change,
  member: Addressee,
  roles: readonly string[],
): Promise<void> {
  const { transaction } = change
  await transaction
    .updateTable('members')
    .set({ state: 'active', requested_role: null })
    .where('id', '=', member.id)
    .execute()
  await setMemberRoles(change, member.id, roles)
  // The session of somebody who waits was a limited one.
  await endSessions(transaction, member.id)
  const names = await transaction.selectFrom('roles').select('name').where('id', 'in', roles).execute()
  await tell(
    context,
    transaction,
    member.signInName,
    texts.approved({ ...context.about, roles: names.map(({ name }) => name) }),
  )
}

/** Refuses a waiting member and removes its account. @throws AuthorityError `not-found`, `conflict` */
export async function rejectMember(context: IdentityContext, idOrName: string): Promise<void> {
  await applyChange(context.changes, async (change) => {
    const member = await findMember(change.transaction, idOrName)
    const { state } = await stateOf(change.transaction, member.id)
    if (state !== 'waiting')
      throw new AuthorityError('conflict', `${member.email} is not waiting. sealmq users remove revokes a member.`)
    change.record({ action: 'member.reject', on: memberTarget(member) })
    await removeMember(change, member.id)
    await tell(context, change.transaction, member.email, texts.rejected(context.about))
  })
  context.mail.wake()
}

/** Makes a member without a password, and the code to set one with. @throws AuthorityError `name-taken`, `not-found`, `bad-request` */
export async function inviteMember(context: IdentityContext, request: Invitation): Promise<HandedCode> {
  const signInName = checkSignInName(request.email)
  const handed = await applyChange(context.changes, async (change) => {
    const { transaction, now } = change
    const id = await insertMember(transaction, { signInName, name: request.name, password: '', now })
    const roles = await roleIds(transaction, request.roles)
    change.record({
      action: 'member.invite',
      on: memberTarget({ id, email: signInName }),
      detail: { name: request.name, roles: await roleNames(transaction, roles) },
    })
    if (roles.length > 0) await setMemberRoles(change, id, roles)
    return handCode(context, transaction, { id, signInName }, change.record)
  })
  context.mail.wake()
  return handed
}

/** Makes a code to set a password with: mailed, or for the administrator to hand over. @throws AuthorityError `not-found` */
export async function makeHandedCode(context: IdentityContext, idOrName: string): Promise<HandedCode> {
  const member = await findPerson(context.store, idOrName)
  const handed = await recorded(context, (transaction, record) =>
    handCode(context, transaction, { id: member.id, signInName: member.email }, record),
  )
  context.mail.wake()
  return handed
}

/** As part of a transaction. */
export async function handCode(
  { codes, settings, about, serverUrl, mail, now: clock }: IdentityContext,
  transaction: DatabaseTransaction,
  member: Addressee,
  record: Record,
): Promise<HandedCode> {
  const code = newLongCode()
  const now = clock()
  const expiresAt = now + settings.handedCodeTime
  await storeCode(transaction, codes, { member: member.id, purpose: 'invitation', code, now, expiresAt })
  record({
    action: 'code.send',
    on: memberTarget({ id: member.id, email: member.signInName }),
    detail: { purpose: 'invitation', way: hasMailbox(member.signInName) ? 'mail' : 'handed over', expiresAt },
  })
  if (!hasMailbox(member.signInName)) return { code, expiresAt }
  const days = Math.floor(settings.handedCodeTime / 86_400_000)
  const text = texts.invitation({ ...about, code, days, email: member.signInName, server: serverUrl() })
  await mail.enqueue(transaction, { to: member.signInName, ...text, expiresAt })
  return { code: null, expiresAt }
}

/** Shuts a member out until it is unlocked: sessions end, its senders get no key and no connection, new epochs begin. */
export async function lockMember(context: IdentityContext, idOrName: string): Promise<string> {
  return applyChange(context.changes, async (change) => {
    const { transaction, now } = change
    const member = await findMember(transaction, idOrName)
    const { id } = member
    change.record({ action: 'member.lock', on: memberTarget(member) })
    await transaction.updateTable('members').set({ locked_at: now }).where('id', '=', id).execute()
    await requireAdministrator(change)
    await endSessions(transaction, id)
    // A device that is let in again needs a new one.
    await transaction.deleteFrom('one_time_codes').where('member_id', '=', id).where('purpose', '=', 'ticket').execute()
    await change.touchDirectory()
    await change.rotate(await channelsOfRoles(transaction, await rolesOfMember(transaction, id)))
    await change.tellBroker('refresh-sender', await sendersOfMembers(transaction, [id]))
    return id
  })
}

/** Ends a lock by hand and one by wrong tries. */
export async function unlockMember(context: IdentityContext, idOrName: string): Promise<string> {
  return applyChange(context.changes, async (change) => {
    const { transaction } = change
    const member = await findMember(transaction, idOrName)
    const { id, email } = member
    change.record({ action: 'member.unlock', on: memberTarget(member) })
    await transaction.updateTable('members').set({ locked_at: null }).where('id', '=', id).execute()
    await clearTries(transaction, [passwordKey(context, email), factorKey(id), `own password ${id}`])
    await change.touchDirectory()
    await change.tellBroker('refresh-sender', await sendersOfMembers(transaction, [id]))
    return id
  })
}

function stateOf(transaction: DatabaseTransaction, id: string) {
  return transaction
    .selectFrom('members')
    .select(['state', 'requested_role'])
    .where('id', '=', id)
    .executeTakeFirstOrThrow()
}
