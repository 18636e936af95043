import { AuthorityError } from '../authority-error.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'

/** Whether a member is a device. */
export async function isDevice(store: Database, member: string): Promise<boolean> {
  const row = await store.selectFrom('members').select('kind').where('id', '=', member).executeTakeFirst()
  return row?.kind === 'device'
}

/**
 * That these roles are none of people: a machine stands where many pass by, and nothing that it holds may change who may
 * do what, or read who did what.
 * @throws AuthorityError `role-for-people`
 */
export async function refusePowers(transaction: DatabaseTransaction, roles: readonly string[]): Promise<void> {
  if (roles.length === 0) return
  const row = await transaction
    .selectFrom('roles')
    .select('name')
    .where('id', 'in', roles)
    .where((eb) => eb.or([eb('administrator', '=', 1), eb('auditor', '=', 1), eb('require_authenticator', '=', 1)]))
    .orderBy('name')
    .limit(1)
    .executeTakeFirst()
  if (!row) return
  throw new AuthorityError(
    'role-for-people',
    `The role ${row.name} is for people: it administers, audits or asks for an authenticator. Give the device another.`,
  )
}

/** That no device has a role which is to become one of people. @throws AuthorityError `role-for-people` */
export async function refuseRoleOfDevices(
  transaction: DatabaseTransaction,
  role: { id: string; name: string },
): Promise<void> {
  const row = await transaction
    .selectFrom('member_roles')
    .innerJoin('members', 'members.id', 'member_roles.member_id')
    .select('email')
    .where('role_id', '=', role.id)
    .where('kind', '=', 'device')
    .orderBy('email')
    .limit(1)
    .executeTakeFirst()
  if (!row) return
  throw new AuthorityError(
    'role-for-people',
    `The device ${row.email} has the role ${role.name}, which can neither audit nor ask for an authenticator therefore. Make another role for people.`,
  )
}
