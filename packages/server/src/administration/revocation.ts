import { AuthorityError } from '../authority-error.ts'
import type { DatabaseTransaction } from '../store/schema.ts'
import { type Change, channelsOfRoles, rolesOfMember, sendersOfMembers } from './change.ts'
import { isDevice, refusePowers } from './device-roles.ts'

/** Revokes senders: no token or credential works, the directory says so, the broker drops and purges. */
export async function revokeSenders(change: Change, senders: readonly number[]): Promise<void> {
  if (senders.length === 0) return
  await change.transaction
    .updateTable('senders')
    .set({ revoked_at: change.now })
    .where('sender', 'in', senders)
    .where('revoked_at', 'is', null)
    .execute()
  await change.touchDirectory()
  await change.tellBroker('remove-sender', senders)
}

/** What a member loses by removal, as its record tells it. */
export async function whatEnds(transaction: DatabaseTransaction, member: string) {
  const ids = await rolesOfMember(transaction, member)
  const roles =
    ids.length === 0 ? [] : await transaction.selectFrom('roles').select('name').where('id', 'in', ids).execute()
  return {
    roles: roles.map(({ name }) => name).sort(),
    senders: await sendersOfMembers(transaction, [member]),
  }
}

/** Removes a member: senders revoked, sessions ended, new epochs of every channel that it could use. */
export async function removeMember(change: Change, member: string): Promise<void> {
  const roles = await rolesOfMember(change.transaction, member)
  await revokeSenders(change, await sendersOfMembers(change.transaction, [member]))
  await change.rotate(await channelsOfRoles(change.transaction, roles))
  await change.transaction.deleteFrom('members').where('id', '=', member).execute()
  await requireAdministrator(change)
}

/**
 * Removes one sender of a member, with new epochs of every channel that it could use.
 * @returns false when it was removed already
 */
export async function removeSender(
  change: Change,
  sender: { sender: number; member: string; name: string },
): Promise<boolean> {
  const living = await change.transaction
    .selectFrom('senders')
    .select('sender')
    .where('sender', '=', sender.sender)
    .where('revoked_at', 'is', null)
    .executeTakeFirst()
  if (!living) return false
  change.record({
    action: 'sender.remove',
    on: { kind: 'sender', id: String(sender.sender), name: sender.name },
    detail: { member: sender.member },
  })
  await revokeSenders(change, [sender.sender])
  await change.rotate(await channelsOfRoles(change.transaction, await rolesOfMember(change.transaction, sender.member)))
  return true
}

/** Gives a member exactly these roles; channels that it loses start an epoch. */
export async function setMemberRoles(change: Change, member: string, roles: readonly string[]): Promise<void> {
  const { transaction } = change
  if (await isDevice(transaction, member)) await refusePowers(transaction, roles)
  const before = await rolesOfMember(transaction, member)
  const lost = before.filter((role) => !roles.includes(role))
  const gained = roles.filter((role) => !before.includes(role))
  if (lost.length === 0 && gained.length === 0) return
  await transaction.deleteFrom('member_roles').where('member_id', '=', member).execute()
  if (roles.length > 0) {
    await transaction
      .insertInto('member_roles')
      .values(roles.map((role_id) => ({ member_id: member, role_id })))
      .execute()
  }
  await change.touchDirectory()
  await change.rotate(await channelsOfRoles(transaction, lost))
  await change.tellBroker('refresh-sender', await sendersOfMembers(transaction, [member]))
  await requireAdministrator(change)
  // Administrators act on what they may now, so sessions do not outlive a change of roles.
  await transaction.deleteFrom('sessions').where('member_id', '=', member).execute()
}

/** The living senders of all members of a role. */
export async function sendersOfRole(change: Change, role: string): Promise<number[]> {
  const members = await change.transaction
    .selectFrom('member_roles')
    .select('member_id')
    .where('role_id', '=', role)
    .execute()
  return sendersOfMembers(
    change.transaction,
    members.map(({ member_id }) => member_id),
  )
}

/** @throws AuthorityError `last-administrator` when the change would leave none */
export async function requireAdministrator({ transaction }: Change): Promise<void> {
  const left = await transaction
    .selectFrom('member_roles')
    .innerJoin('roles', 'roles.id', 'member_roles.role_id')
    .innerJoin('members', 'members.id', 'member_roles.member_id')
    .select('member_id')
    .where('administrator', '=', 1)
    .where('locked_at', 'is', null)
    .limit(1)
    .executeTakeFirst()
  if (!left)
    throw new AuthorityError(
      'last-administrator',
      'This is the last administrator. Give another member the role first.',
    )
}
