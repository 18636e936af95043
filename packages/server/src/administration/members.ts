import { randomUUID } from 'node:crypto'
import type { Me, MemberChange, MemberCreate, MemberInfo } from '@sealmq/protocol/api'
import { AuthorityError } from '../authority-error.ts'
import { authenticatorRequired } from '../identity/factors.ts'
import type { IdentityContext } from '../identity/identity-context.ts'
import { forgetDevices, rememberDevice } from '../identity/known-devices.ts'
import { passwordKey, type SignedIn } from '../identity/login.ts'
import { checkPassword, hashPassword } from '../identity/passwords.ts'
import { factorKey, secondFactorOf } from '../identity/second-factor.ts'
import { endSessions, type Origin, startSession } from '../identity/sessions.ts'
import { checkSetupCode, takeSetupCode } from '../identity/setup-code.ts'
import { checkSignInName, normalSignInName } from '../identity/sign-in-name.ts'
import { clearTries } from '../identity/tries.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import { applyChange, difference, memberTarget, rolesOfMember } from './change.ts'
import { isDevice } from './device-roles.ts'
import { grantsOfMember } from './grants.ts'
import { removeMember, requireAdministrator, setMemberRoles, whatEnds } from './revocation.ts'

/** All members, by sign-in name. */
export async function listMembers(context: IdentityContext): Promise<MemberInfo[]> {
  return describeMembers(context, null)
}

/** One member as the API shows it. @throws AuthorityError `not-found` */
export async function memberInfo(context: IdentityContext, id: string): Promise<MemberInfo> {
  const [info] = await describeMembers(context, id)
  if (!info) throw new AuthorityError('not-found', 'The member is gone.')
  return info
}

/** One member by id or sign-in name. @throws AuthorityError `not-found` */
export async function findMember(
  store: Database,
  idOrName: string,
): Promise<{ id: string; email: string; name: string }> {
  const member = await store
    .selectFrom('members')
    .select(['id', 'email', 'name'])
    .where((eb) => eb.or([eb('id', '=', idOrName), eb('email', '=', normalSignInName(idOrName))]))
    .executeTakeFirst()
  if (!member) throw new AuthorityError('not-found', `There is no member ${idOrName}. sealmq users list shows all.`)
  return member
}

/** One person by id or sign-in name. @throws AuthorityError `not-found`, `is-device` */
export async function findPerson(
  store: Database,
  idOrName: string,
): Promise<{ id: string; email: string; name: string }> {
  const member = await findMember(store, idOrName)
  if (await isDevice(store, member.id)) throw isDeviceError(member.email)
  return member
}

const isDeviceError = (name: string) =>
  new AuthorityError(
    'is-device',
    `${name} is a device: it has no password, no sessions and no other name. sealmq devices --help shows what can be done.`,
  )

/** What a member is told of itself. */
export async function me(store: Database, id: string): Promise<Me> {
  const member = await store
    .selectFrom('members')
    .leftJoin('roles', 'roles.id', 'members.requested_role')
    .select(['email', 'kind', 'members.name as name', 'state', 'address_proved_at', 'roles.name as requested'])
    .where('members.id', '=', id)
    .executeTakeFirst()
  if (!member) throw new AuthorityError('not-found', 'The member is gone.')
  const roles = await store
    .selectFrom('member_roles')
    .innerJoin('roles', 'roles.id', 'member_roles.role_id')
    .select(['roles.id', 'roles.name', 'administrator', 'auditor'])
    .where('member_id', '=', id)
    .orderBy('roles.name')
    .execute()
  const grants = await store
    .selectFrom('grants')
    .innerJoin('channels', 'channels.id', 'grants.channel_id')
    .innerJoin('member_roles', 'member_roles.role_id', 'grants.role_id')
    .select(['channels.name as channel', 'grants.right as right', 'filters', 'channel_id', 'grants.role_id as role_id'])
    .where('member_id', '=', id)
    .orderBy('channels.name')
    .orderBy('grants.right')
    .execute()
  const secondFactor = await secondFactorOf(store, id)
  const lacksAuthenticator = secondFactor !== 'totp' && (await authenticatorRequired(store, id))
  return {
    member: id,
    email: member.email,
    name: member.name,
    roles: roles.map((role) => ({ id: role.id, name: role.name })),
    administrator: roles.some(({ administrator }) => administrator === 1),
    auditor: roles.some(({ auditor }) => auditor === 1),
    state: member.state === 'waiting' ? 'waiting' : lacksAuthenticator ? 'factor-needed' : 'active',
    requestedRole: member.requested ?? null,
    addressProved: member.address_proved_at !== null,
    secondFactor,
    grants: grantsOfMember(grants, member.kind === 'device' ? member.email : null),
  }
}

/**
 * Creates a member with its roles; an administrator gives the first password.
 * @throws AuthorityError `weak-password`, `name-taken`, `not-found`, `bad-request`
 */
export async function createMember(context: IdentityContext, request: MemberCreate): Promise<string> {
  const signInName = checkSignInName(request.email)
  await checkPassword(request.password, [signInName, request.name])
  const password = await hashPassword(request.password)
  return applyChange(context.changes, async (change) => {
    const { transaction, now } = change
    const id = await insertMember(transaction, { signInName, name: request.name, password, now })
    const roles = await roleIds(transaction, request.roles)
    if (roles.length > 0) {
      await transaction
        .insertInto('member_roles')
        .values(roles.map((role_id) => ({ member_id: id, role_id })))
        .execute()
    }
    change.record({
      action: 'member.create',
      on: memberTarget({ id, email: signInName }),
      detail: { name: request.name, roles: await roleNames(transaction, roles) },
    })
    return id
  })
}

/** Makes the first administrator against the setup code, signed in. @throws AuthorityError `setup-done`, `wrong-setup-code`, … */
export async function setUp(
  context: IdentityContext,
  request: { code: string; email: string; name: string; password: string },
  origin: Origin,
): Promise<SignedIn> {
  await checkSetupCode(context.store, request.code)
  const signInName = checkSignInName(request.email)
  await checkPassword(request.password, [signInName, request.name])
  const password = await hashPassword(request.password)
  return applyChange(context.changes, async (change) => {
    const { transaction, now } = change
    await takeSetupCode(transaction, request.code)
    const id = await insertMember(transaction, { signInName, name: request.name, password, now })
    const role = await transaction
      .selectFrom('roles')
      .select('id')
      .where('administrator', '=', 1)
      .orderBy('name')
      .executeTakeFirstOrThrow()
    await transaction.insertInto('member_roles').values({ member_id: id, role_id: role.id }).execute()
    await requireAdministrator(change)
    const { sessionTime } = context.settings
    const { id: session, token, expiresAt } = await startSession(transaction, id, { now, sessionTime, origin })
    change.record({
      action: 'authority.set-up',
      on: memberTarget({ id, email: signInName }),
      detail: { name: request.name, roles: await roleNames(transaction, [role.id]), session },
    })
    return { member: id, token, expiresAt, knownDevice: await rememberDevice(transaction, id, now) }
  })
}

/** Changes name, roles or password. A new password ends the member's sessions. */
export async function changeMember(context: IdentityContext, id: string, request: MemberChange): Promise<void> {
  const { email, name } = await (request.password === undefined ? findMember : findPerson)(context.store, id)
  if (request.password !== undefined) await checkPassword(request.password, [email, request.name ?? name])
  const password = request.password === undefined ? null : await hashPassword(request.password)
  await applyChange(context.changes, async (change) => {
    const { transaction } = change
    const isForPeople = request.name !== undefined || password !== null
    const member = await (isForPeople ? findPerson : findMember)(transaction, id)
    const before = {
      name: member.name,
      roles: await roleNames(transaction, await rolesOfMember(transaction, member.id)),
    }
    change.record({
      action: 'member.change',
      on: memberTarget(member),
      detail: {
        ...difference(before, {
          name: request.name,
          roles: request.roles && (await roleNames(transaction, await roleIds(transaction, request.roles))),
        }),
        ...(password === null ? {} : { password: 'set by the administrator' }),
      },
    })
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
      await transaction.updateTable('members').set({ password }).where('id', '=', member.id).execute()
      await clearTries(transaction, [passwordKey(context, member.email)])
      await endSessions(transaction, member.id)
      await forgetDevices(transaction, member.id)
    }
    if (request.roles !== undefined) await setMemberRoles(change, member.id, await roleIds(transaction, request.roles))
  })
}

/** Removes a member and everything it could still do. */
export async function deleteMember(context: IdentityContext, id: string): Promise<void> {
  await applyChange(context.changes, async (change) => {
    const member = await findMember(change.transaction, id)
    change.record({
      action: 'member.remove',
      on: memberTarget(member),
      detail: await whatEnds(change.transaction, member.id),
    })
    await removeMember(change, member.id)
  })
}

/** What a new member begins with. */
export interface NewMember {
  /** Normal form. */
  signInName: string
  name: string
  /** Hash, or empty until the member sets one. */
  password: string
  now: number
  state?: 'active' | 'waiting'
  requestedRole?: string | null
  addressProvedAt?: number | null
  emailFactor?: boolean
}

/** @returns its id @throws AuthorityError `name-taken` */
export async function insertMember(transaction: DatabaseTransaction, member: NewMember): Promise<string> {
  const { signInName, name, password, now } = member
  const taken = await transaction.selectFrom('members').select('id').where('email', '=', signInName).executeTakeFirst()
  if (taken) throw new AuthorityError('name-taken', `There is a member ${signInName} already.`)
  const id = randomUUID()
  await transaction
    .insertInto('members')
    .values({
      id,
      email: signInName,
      name,
      kind: 'person',
      password,
      created_at: now,
      state: member.state ?? 'active',
      locked_at: null,
      requested_role: member.requestedRole ?? null,
      address_proved_at: member.addressProvedAt ?? null,
      email_factor: member.emailFactor ? 1 : 0,
    })
    .execute()
  return id
}

/** Ids of roles by name or id. @throws AuthorityError `not-found` */
export async function roleIds(transaction: DatabaseTransaction, names: readonly string[]): Promise<string[]> {
  const rows = await transaction.selectFrom('roles').select(['id', 'name']).execute()
  return [...new Set(names)].map((name) => {
    const role = rows.find((row) => row.name === name || row.id === name)
    if (!role) throw new AuthorityError('not-found', `There is no role ${name}. sealmq roles list shows all.`)
    return role.id
  })
}

/** Names of roles, sorted, as records tell them. */
export async function roleNames(transaction: DatabaseTransaction, ids: readonly string[]): Promise<string[]> {
  if (ids.length === 0) return []
  const rows = await transaction.selectFrom('roles').select('name').where('id', 'in', ids).orderBy('name').execute()
  return rows.map(({ name }) => name)
}

async function describeMembers({ store, codes, now }: IdentityContext, id: string | null): Promise<MemberInfo[]> {
  const members = await store
    .selectFrom('members')
    .leftJoin('totp', 'totp.member_id', 'members.id')
    .selectAll('members')
    .select('totp.confirmed_at')
    .$if(id !== null, (query) => query.where('members.id', '=', id!))
    .$if(id === null, (query) => query.where('kind', '=', 'person'))
    .orderBy('email')
    .execute()
  const held = await store
    .selectFrom('member_roles')
    .innerJoin('roles', 'roles.id', 'member_roles.role_id')
    .select(['member_id', 'roles.name as name'])
    .orderBy('roles.name')
    .execute()
  const roleNames = Map.groupBy(held, ({ member_id }) => member_id)
  const roles = await store.selectFrom('roles').select(['id', 'name']).execute()
  const locked = await store
    .selectFrom('tries')
    .select(['key', 'locked_until'])
    .where('locked_until', '>', now())
    .execute()
  const locks = new Map(locked.map(({ key, locked_until }) => [key, locked_until]))
  return members.map((row) => {
    const until = [passwordKey({ codes }, row.email), factorKey(row.id)].map((key) => locks.get(key) ?? 0)
    return {
      id: row.id,
      email: row.email,
      name: row.name,
      roles: (roleNames.get(row.id) ?? []).map((role) => role.name),
      createdAt: row.created_at,
      state: row.locked_at === null ? row.state : 'locked',
      requestedRole: roles.find((role) => role.id === row.requested_role)?.name ?? null,
      addressProved: row.address_proved_at !== null,
      secondFactor:
        row.confirmed_at !== null
          ? 'totp'
          : row.email_factor === 1 && row.address_proved_at !== null
            ? 'email'
            : 'none',
      lockedUntil: Math.max(...until) || null,
    }
  })
}
