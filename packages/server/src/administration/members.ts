import { randomUUID } from 'node:crypto'
import type { Me, MemberChange, MemberCreate, MemberInfo } from '@sealmq/protocol/api'
import { AuthorityError } from '../authority-error.ts'
import { normalEmail } from '../identity/login.ts'
import { checkPassword, hashPassword } from '../identity/passwords.ts'
import { takeSetupCode } from '../identity/setup-code.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import { applyChange, type ChangeContext } from './change.ts'
import { removeMember, requireAdministrator, setMemberRoles } from './revocation.ts'

/** All members, by email. */
export async function listMembers(store: Database): Promise<MemberInfo[]> {
  const members = await store
    .selectFrom('members')
    .select(['id', 'email', 'name', 'created_at'])
    .orderBy('email')
    .execute()
  const roles = await store
    .selectFrom('member_roles')
    .innerJoin('roles', 'roles.id', 'member_roles.role_id')
    .select(['member_id', 'roles.name as name'])
    .orderBy('roles.name')
    .execute()
  const names = Map.groupBy(roles, ({ member_id }) => member_id)
  return members.map(({ id, email, name, created_at }) => ({
    id,
    email,
    name,
    roles: (names.get(id) ?? []).map((role) => role.name),
    createdAt: created_at,
  }))
}

/** One member by id or email. @throws AuthorityError `not-found` */
export async function findMember(
  store: Database,
  idOrEmail: string,
): Promise<{ id: string; email: string; name: string }> {
  const member = await store
    .selectFrom('members')
    .select(['id', 'email', 'name'])
    .where((eb) => eb.or([eb('id', '=', idOrEmail), eb('email', '=', normalEmail(idOrEmail))]))
    .executeTakeFirst()
  if (!member) throw new AuthorityError('not-found', `There is no member ${idOrEmail}. sealmq users list shows all.`)
  return member
}

/** One member as the API shows it. */
export async function memberInfo(store: Database, id: string): Promise<MemberInfo> {
  const info = (await listMembers(store)).find((member) => member.id === id)
  if (!info) throw new AuthorityError('not-found', 'The member is gone.')
  return info
}

/** What a member is told of itself. */
export async function me(store: Database, id: string): Promise<Me> {
  const { email, name } = await findMember(store, id)
  const roles = await store
    .selectFrom('member_roles')
    .innerJoin('roles', 'roles.id', 'member_roles.role_id')
    .select(['roles.id', 'roles.name', 'administrator'])
    .where('member_id', '=', id)
    .orderBy('roles.name')
    .execute()
  const grants = await store
    .selectFrom('grants')
    .innerJoin('channels', 'channels.id', 'grants.channel_id')
    .innerJoin('member_roles', 'member_roles.role_id', 'grants.role_id')
    .select(['channels.name as channel', 'grants.right as right'])
    .distinct()
    .where('member_id', '=', id)
    .orderBy('channels.name')
    .orderBy('grants.right')
    .execute()
  return {
    member: id,
    email,
    name,
    roles: roles.map((role) => ({ id: role.id, name: role.name })),
    administrator: roles.some(({ administrator }) => administrator === 1),
    grants,
  }
}

/** Creates a member with its roles. @throws AuthorityError `weak-password`, `name-taken`, `not-found`, `bad-request` */
export async function createMember(context: ChangeContext, request: MemberCreate): Promise<string> {
  checkPassword(request.password, request.email, request.name)
  const password = await hashPassword(request.password)
  return applyChange(context, async (change) => {
    const id = await insertMember(change.transaction, request.email, request.name, password, change.now)
    const roles = await roleIds(change.transaction, request.roles)
    if (roles.length > 0) {
      await change.transaction
        .insertInto('member_roles')
        .values(roles.map((role_id) => ({ member_id: id, role_id })))
        .execute()
    }
    return id
  })
}

/** Makes the first administrator against the setup code. @throws AuthorityError `setup-done`, `wrong-setup-code`, … */
export async function setUp(
  context: ChangeContext,
  request: { code: string; email: string; name: string; password: string },
): Promise<string> {
  checkPassword(request.password, request.email, request.name)
  const password = await hashPassword(request.password)
  return applyChange(context, async (change) => {
    await takeSetupCode(change.transaction, request.code)
    const id = await insertMember(change.transaction, request.email, request.name, password, change.now)
    const role = await change.transaction
      .selectFrom('roles')
      .select('id')
      .where('administrator', '=', 1)
      .orderBy('name')
      .executeTakeFirstOrThrow()
    await change.transaction.insertInto('member_roles').values({ member_id: id, role_id: role.id }).execute()
    await requireAdministrator(change)
    return id
  })
}

/** Changes name, roles or password. A new password ends the member's sessions. */
export async function changeMember(context: ChangeContext, id: string, request: MemberChange): Promise<void> {
  const { email, name } = await findMember(context.store, id)
  if (request.password !== undefined) checkPassword(request.password, email, request.name ?? name)
  const password = request.password === undefined ? null : await hashPassword(request.password)
  await applyChange(context, async (change) => {
    const { transaction } = change
    const member = await findMember(transaction, id)
    if (request.name !== undefined) {
      await transaction.updateTable('members').set({ name: request.name }).where('id', '=', member.id).execute()
      await transaction
        .updateTable('senders')
        .set({ member_name: request.name })
        .where('member_id', '=', member.id)
        .execute()
      await change.touchDirectory()
    }
    if (password !== null) {
      await transaction
        .updateTable('members')
        .set({ password, failed_tries: 0, locked_until: 0 })
        .where('id', '=', member.id)
        .execute()
      await transaction.deleteFrom('sessions').where('member_id', '=', member.id).execute()
    }
    if (request.roles !== undefined) await setMemberRoles(change, member.id, await roleIds(transaction, request.roles))
  })
}

/** Removes a member and everything it could still do. */
export async function deleteMember(context: ChangeContext, id: string): Promise<void> {
  await applyChange(context, async (change) => {
    const member = await findMember(change.transaction, id)
    await removeMember(change, member.id)
  })
}

async function insertMember(
  transaction: DatabaseTransaction,
  email: string,
  name: string,
  password: string,
  now: number,
): Promise<string> {
  const address = normalEmail(email)
  if (!/^[^\s@]+@[^\s@]+$/.test(address)) throw new AuthorityError('bad-request', `${address} is no email address.`)
  const taken = await transaction.selectFrom('members').select('id').where('email', '=', address).executeTakeFirst()
  if (taken) throw new AuthorityError('name-taken', `There is a member ${address} already.`)
  const id = randomUUID()
  await transaction
    .insertInto('members')
    .values({ id, email: address, name, password, created_at: now, failed_tries: 0, locked_until: 0 })
    .execute()
  return id
}

async function roleIds(transaction: DatabaseTransaction, names: readonly string[]): Promise<string[]> {
  const rows = await transaction.selectFrom('roles').select(['id', 'name']).execute()
  return [...new Set(names)].map((name) => {
    const role = rows.find((row) => row.name === name || row.id === name)
    if (!role) throw new AuthorityError('not-found', `There is no role ${name}. sealmq roles list shows all.`)
    return role.id
  })
}
