import { randomUUID } from 'node:crypto'
import { type Grant, RoleChange, RoleCreate, type RoleInfo } from '@sealmq/protocol/api'
import { AuthorityError } from '../authority-error.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import { applyChange, asked, type Change, type ChangeContext, difference } from './change.ts'
import { refuseRoleOfDevices } from './device-roles.ts'
import { type GrantRow, grantRows, shownGrant } from './grants.ts'
import { sendersOfRole } from './revocation.ts'

/** All roles with their grants. */
export async function listRoles(store: Database): Promise<RoleInfo[]> {
  const roles = await store.selectFrom('roles').selectAll().orderBy('name').execute()
  const grants = await store
    .selectFrom('grants')
    .innerJoin('channels', 'channels.id', 'grants.channel_id')
    .select(['role_id', 'channels.name as channel', 'grants.right as right', 'filters'])
    .orderBy('channels.name')
    .orderBy('grants.right')
    .execute()
  const members = await store.selectFrom('member_roles').select('role_id').execute()
  return roles.map(
    ({ id, name, administrator, auditor, monitor, require_authenticator, approve_domains, revision }) => ({
      id,
      name,
      administrator: administrator === 1,
      auditor: auditor === 1,
      monitor: monitor === 1,
      requireAuthenticator: require_authenticator === 1,
      approveDomains: JSON.parse(approve_domains) as string[],
      revision,
      grants: grants.filter(({ role_id }) => role_id === id).map(shownGrant),
      members: members.filter(({ role_id }) => role_id === id).length,
    }),
  )
}

/** One role by id or name. @throws AuthorityError `not-found` */
export async function findRole(store: Database, idOrName: string): Promise<RoleInfo> {
  const role = (await listRoles(store)).find(({ id, name }) => id === idOrName || name === idOrName)
  if (!role) throw new AuthorityError('not-found', `There is no role ${idOrName}. sealmq roles list shows all.`)
  return role
}

/** @throws AuthorityError `name-taken`, `not-found`, `bad-request` (a monitor with grants, or that administers) */
export async function createRole(context: ChangeContext, request: RoleCreate): Promise<string> {
  return applyChange(context, async (change) => {
    await requireFreeName(change.transaction, request.name)
    refuseMixedMonitor({ administrator: false, monitor: false, ...request })
    const id = randomUUID()
    await change.transaction
      .insertInto('roles')
      .values({
        id,
        name: request.name,
        administrator: request.administrator ? 1 : 0,
        auditor: request.auditor ? 1 : 0,
        monitor: request.monitor ? 1 : 0,
        require_authenticator: request.requireAuthenticator ? 1 : 0,
        approve_domains: domains(
          request.approveDomains ?? [],
          request.administrator === true || request.auditor === true || request.monitor === true,
        ),
        revision: change.revision,
      })
      .execute()
    change.record({
      action: 'role.create',
      on: { kind: 'role', id, name: request.name },
      detail: asked(RoleCreate, request),
    })
    await setGrants(change, id, request.grants)
    return id
  })
}

/**
 * Changes a role; channels of which a grant goes away start an epoch.
 * @throws AuthorityError `conflict` when the role has changed since the asker read it, `not-found`, `name-taken`,
 *   `bad-request` (a monitor with grants, or that administers)
 */
export async function changeRole(context: ChangeContext, idOrName: string, request: RoleChange): Promise<string> {
  return applyChange(context, async (change) => {
    const role = await findRole(change.transaction, idOrName)
    if (request.name !== undefined && request.name !== role.name) {
      await requireFreeName(change.transaction, request.name)
      await change.transaction.updateTable('roles').set({ name: request.name }).where('id', '=', role.id).execute()
    }
    if (request.revision !== undefined && request.revision !== role.revision) {
      throw new AuthorityError(
        'conflict',
        `Somebody else has changed the role ${role.name} meanwhile. Look again, then repeat.`,
      )
    }
    const { revision: _read, ...wanted } = asked(RoleChange, request)
    change.record({
      action: 'role.change',
      on: { kind: 'role', id: role.id, name: role.name },
      detail: difference(role as unknown as { [name: string]: unknown }, wanted),
    })
    refuseMixedMonitor({ ...role, ...request })
    if (request.grants) await setGrants(change, role.id, request.grants)
    const {
      requireAuthenticator = role.requireAuthenticator,
      approveDomains = role.approveDomains,
      auditor = role.auditor,
      monitor = role.monitor,
    } = request
    if ((auditor && !role.auditor) || (requireAuthenticator && !role.requireAuthenticator)) {
      await refuseRoleOfDevices(change.transaction, role)
    }
    await change.transaction
      .updateTable('roles')
      .set({
        auditor: auditor ? 1 : 0,
        monitor: monitor ? 1 : 0,
        require_authenticator: requireAuthenticator ? 1 : 0,
        approve_domains: domains(approveDomains, role.administrator || auditor || monitor),
        revision: change.revision,
      })
      .where('id', '=', role.id)
      .execute()
    // What it may at the broker is another thing now; it held no keys, so no channel starts an epoch.
    if (monitor !== role.monitor) await change.tellBroker('refresh-sender', await sendersOfRole(change, role.id))
    return role.id
  })
}

/** Removes a role that no member has. @throws AuthorityError `role-in-use` */
export async function deleteRole(context: ChangeContext, idOrName: string): Promise<void> {
  await applyChange(context, async (change) => {
    const role = await findRole(change.transaction, idOrName)
    const used = await change.transaction
      .selectFrom('member_roles')
      .select('member_id')
      .where('role_id', '=', role.id)
      .limit(1)
      .executeTakeFirst()
    if (used)
      throw new AuthorityError('role-in-use', `Members have the role ${role.name}. Give them another one first.`)
    change.record({
      action: 'role.remove',
      on: { kind: 'role', id: role.id, name: role.name },
      detail: { grants: role.grants },
    })
    await setGrants(change, role.id, [])
    await change.transaction.deleteFrom('roles').where('id', '=', role.id).execute()
  })
}

// Who looks at everything neither reads nor writes by the same role: what it may is said by its one word.
function refuseMixedMonitor(role: Pick<RoleInfo, 'administrator' | 'monitor'> & { grants: readonly Grant[] }): void {
  if (!role.monitor || (!role.administrator && role.grants.length === 0)) return
  throw new AuthorityError(
    'bad-request',
    'A monitor receives every channel sealed and nothing else: take its grants away, or make another role for them.',
  )
}

function domains(names: readonly string[], isPowerful: boolean): string {
  if (isPowerful && names.length > 0) {
    throw new AuthorityError(
      'bad-request',
      'A role that administers, audits or monitors is never given by the address alone.',
    )
  }
  return JSON.stringify([...new Set(names.map((name) => name.toLowerCase()))])
}

async function setGrants(change: Change, role: string, grants: readonly Grant[]): Promise<void> {
  const { transaction } = change
  const channels = await transaction.selectFrom('channels').select(['id', 'name']).execute()
  const filters = await transaction.selectFrom('channel_filters').selectAll().orderBy('filter').execute()
  const wanted = grantRows(
    role,
    grants,
    channels.map(({ id, name }) => ({
      id,
      name,
      filters: filters.filter(({ channel_id }) => channel_id === id).map(({ filter }) => filter),
    })),
  )
  const held = await transaction.selectFrom('grants').selectAll().where('role_id', '=', role).execute()
  const isIn = (rows: readonly GrantRow[], { channel_id, right, filters }: GrantRow) =>
    rows.some((row) => row.channel_id === channel_id && row.right === right && row.filters === filters)
  // One that is narrowed otherwise is lost and gained.
  const lost = held.filter((grant) => !isIn(wanted, grant))
  const gained = wanted.filter((grant) => !isIn(held, grant))
  if (lost.length === 0 && gained.length === 0) return
  await transaction.deleteFrom('grants').where('role_id', '=', role).execute()
  if (wanted.length > 0) await transaction.insertInto('grants').values(wanted).execute()
  await change.rotate(lost.map(({ channel_id }) => channel_id))
  for (const { channel_id } of gained) await change.touch(channel_id)
  await change.tellBroker('refresh-sender', await sendersOfRole(change, role))
}

async function requireFreeName(transaction: DatabaseTransaction, name: string): Promise<void> {
  const taken = await transaction.selectFrom('roles').select('id').where('name', '=', name).executeTakeFirst()
  if (taken) throw new AuthorityError('name-taken', `There is a role ${name} already.`)
}
