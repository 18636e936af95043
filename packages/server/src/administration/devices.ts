import { randomUUID } from 'node:crypto'
import type {
  DeviceCreate,
  DeviceInfo,
  DevicePage,
  DevicesImport,
  DevicesQuery,
  DeviceTicket,
} from '@sealmq/protocol/api'
import { sql } from 'kysely'
import type { Record } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import type { IdentityContext } from '../identity/identity-context.ts'
import { newLongCode, storeCodes } from '../identity/one-time-codes.ts'
import { normalSignInName } from '../identity/sign-in-name.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import { applyChange, memberTarget } from './change.ts'
import { refusePowers } from './device-roles.ts'

/** How long a ticket is good, ms. */
export const ticketTime = 10 * 60_000

/** A device that is to be made. */
export type NewDevice = DevicesImport['devices'][number]

/** Makes a device and the ticket that it enrols by. @throws AuthorityError as importDevices */
export async function createDevice(context: IdentityContext, request: DeviceCreate): Promise<DeviceTicket> {
  const [ticket] = await importDevices(context, [request])
  return ticket!
}

/**
 * Makes many devices, all or none, in a few statements for each thousand.
 * @throws AuthorityError `name-taken`, `not-found` (role), `role-for-people`; the line is named where it was given
 */
export function importDevices(context: IdentityContext, requests: readonly NewDevice[]): Promise<DeviceTicket[]> {
  return applyChange(context.changes, async (change) => {
    const { transaction, now } = change
    const roles = await rolesByName(transaction, requests)
    const devices = requests.map((request) => ({
      id: randomUUID(),
      email: normalSignInName(request.name),
      roles: [...new Map(request.roles.map((name) => [roles.get(name)!.id, roles.get(name)!.name]))],
      request,
    }))
    await refuseTakenNames(transaction, devices)
    for (const some of inChunks(devices)) {
      await transaction
        .insertInto('members')
        .values(some.map((device) => memberRow(device, now)))
        .execute()
      const held = some.flatMap(({ id, roles: own }) => own.map(([role_id]) => ({ member_id: id, role_id })))
      for (const rows of inChunks(held)) await transaction.insertInto('member_roles').values(rows).execute()
    }
    for (const device of devices) {
      const names = device.roles.map(([, name]) => name).sort()
      change.record({ action: 'device.create', on: memberTarget(device), detail: { roles: names } })
    }
    return makeTickets(context, transaction, change.record, devices)
  })
}

const memberRow = ({ id, email }: { id: string; email: string }, now: number) => ({
  id,
  email,
  name: email,
  kind: 'device' as const,
  password: '',
  created_at: now,
  state: 'active' as const,
  locked_at: null,
  requested_role: null,
  address_proved_at: null,
  email_factor: 0,
})

/** The roles that are asked for, by the names and ids that they are asked for with. */
async function rolesByName(transaction: DatabaseTransaction, requests: readonly NewDevice[]) {
  const rows = await transaction.selectFrom('roles').select(['id', 'name']).execute()
  const found = new Map<string, { id: string; name: string }>()
  for (const request of requests) {
    for (const asked of request.roles) {
      if (found.has(asked)) continue
      const role = rows.find(({ id, name }) => name === asked || id === asked)
      const unknown = () => `There is no role ${asked}. sealmq roles list shows all.`
      if (!role) throw new AuthorityError('not-found', inLine(request, unknown()))
      await refusePowers(transaction, [role.id]).catch((error: unknown) => {
        if (!(error instanceof AuthorityError)) throw error
        throw new AuthorityError(error.code, inLine(request, error.message))
      })
      found.set(asked, role)
    }
  }
  return found
}

async function refuseTakenNames(
  transaction: DatabaseTransaction,
  devices: readonly { email: string; request: NewDevice }[],
): Promise<void> {
  const asked = new Set<string>()
  for (const { email, request } of devices) {
    if (asked.has(email)) throw new AuthorityError('name-taken', inLine(request, `${email} is there twice.`))
    asked.add(email)
  }
  for (const some of inChunks(devices)) {
    const names = some.map(({ email }) => email)
    const rows = await transaction.selectFrom('members').select('email').where('email', 'in', names).execute()
    const taken = new Set(rows.map(({ email }) => email))
    const refused = some.find(({ email }) => taken.has(email))
    if (refused) {
      throw new AuthorityError('name-taken', inLine(refused.request, `There is a member ${refused.email} already.`))
    }
  }
}

const inLine = ({ line }: NewDevice, fault: string) => (line === undefined ? fault : `line ${line}: ${fault}`)

/** Both engines take at most 32,766 values in a statement. */
const rowsAtOnce = 1000

function* inChunks<T>(all: readonly T[]): Generator<T[]> {
  for (let start = 0; start < all.length; start += rowsAtOnce) yield all.slice(start, start + rowsAtOnce)
}

/** A new ticket for a device; the one before is dead. @throws AuthorityError `not-found`, `conflict` (disabled) */
export function renewTicket(context: IdentityContext, idOrName: string): Promise<DeviceTicket> {
  return applyChange(context.changes, async ({ transaction, record }) => {
    const device = await findDevice(transaction, idOrName)
    if (device.locked_at !== null) {
      throw new AuthorityError(
        'conflict',
        `${device.email} is disabled. Enable it first: sealmq devices enable ${device.email}.`,
      )
    }
    const [ticket] = await makeTickets(context, transaction, record, [device])
    return ticket!
  })
}

async function makeTickets(
  { codes, now: clock }: IdentityContext,
  transaction: DatabaseTransaction,
  record: Record,
  devices: readonly { id: string; email: string }[],
): Promise<DeviceTicket[]> {
  const now = clock()
  const expiresAt = now + ticketTime
  const tickets = devices.map(({ id, email }) => ({ id, name: email, code: newLongCode(), expiresAt }))
  for (const some of inChunks(tickets)) {
    const made = some.map(({ id, code }) => ({ member: id, purpose: 'ticket' as const, code, now, expiresAt }))
    await storeCodes(transaction, codes, made)
  }
  for (const { id, name } of tickets) {
    record({
      action: 'code.send',
      on: memberTarget({ id, email: name }),
      detail: { purpose: 'ticket', way: 'handed over', expiresAt },
    })
  }
  return tickets
}

/** One device by id or name. @throws AuthorityError `not-found` */
export async function findDevice(
  store: Database,
  idOrName: string,
): Promise<{ id: string; email: string; locked_at: number | null }> {
  const device = await store
    .selectFrom('members')
    .select(['id', 'email', 'locked_at'])
    .where('kind', '=', 'device')
    .where((eb) => eb.or([eb('id', '=', idOrName), eb('email', '=', normalSignInName(idOrName))]))
    .executeTakeFirst()
  if (!device) throw new AuthorityError('not-found', `There is no device ${idOrName}. sealmq devices list shows all.`)
  return device
}

/** One device as the API shows it. @throws AuthorityError `not-found` */
export async function deviceInfo(context: IdentityContext, idOrName: string): Promise<DeviceInfo> {
  const { id } = await findDevice(context.store, idOrName)
  const [info] = await describe(context, [id])
  return info!
}

/** A page of devices, by name. */
export async function listDevices(context: IdentityContext, query: DevicesQuery): Promise<DevicePage> {
  const { search, after, limit = 100 } = query
  const found = context.store
    .selectFrom('members')
    .where('kind', '=', 'device')
    .$if(search !== undefined, (asked) => asked.where('email', 'like', sql<string>`${pattern(search!)} escape '!'`))
  const { total } = await found.select((eb) => eb.fn.countAll<number>().as('total')).executeTakeFirstOrThrow()
  const rows = await found
    .select(['id', 'email'])
    .$if(after !== undefined, (asked) => asked.where('email', '>', normalSignInName(after!)))
    .orderBy('email')
    .limit(limit + 1)
    .execute()
  const page = rows.slice(0, limit)
  return {
    devices: await describe(
      context,
      page.map(({ id }) => id),
    ),
    total: Number(total),
    next: rows.length > limit ? page.at(-1)!.email : null,
  }
}

const pattern = (search: string) => `%${normalSignInName(search).replaceAll(/[!%_]/g, '!$&')}%`

async function describe({ store, now }: IdentityContext, ids: readonly string[]): Promise<DeviceInfo[]> {
  if (ids.length === 0) return []
  const devices = await store.selectFrom('members').selectAll().where('id', 'in', ids).orderBy('email').execute()
  const roles = await store
    .selectFrom('member_roles')
    .innerJoin('roles', 'roles.id', 'member_roles.role_id')
    .select(['member_id', 'role_id', 'roles.name as name'])
    .where('member_id', 'in', ids)
    .orderBy('roles.name')
    .execute()
  const senders = await store
    .selectFrom('senders')
    .selectAll()
    .where('member_id', 'in', ids)
    .where('revoked_at', 'is', null)
    .orderBy('sender')
    .execute()
  const tickets = await store
    .selectFrom('one_time_codes')
    .select(['member_id', 'expires_at'])
    .where('purpose', '=', 'ticket')
    .where('member_id', 'in', ids)
    .where('expires_at', '>', now())
    .execute()
  const lag = await epochLags(store, roles, senders)
  // What its newest sender came to.
  const last = await store
    .selectFrom('senders')
    .select(['member_id', 'copied_at'])
    .where('member_id', 'in', ids)
    .orderBy('sender')
    .execute()
  const copiedAt = new Map(last.map(({ member_id, copied_at }) => [member_id, copied_at]))
  const rolesOf = Map.groupBy(roles, ({ member_id }) => member_id)
  const sendersOf = Map.groupBy(senders, ({ member_id }) => member_id)
  const ticketEnds = new Map(tickets.map(({ member_id, expires_at }) => [member_id, expires_at]))
  return devices.map(({ id, email, created_at, locked_at }) => {
    const own = sendersOf.get(id) ?? []
    return {
      id,
      name: email,
      roles: (rolesOf.get(id) ?? []).map(({ name }) => name),
      state: stateOf(locked_at !== null, own.length > 0, (copiedAt.get(id) ?? null) !== null),
      createdAt: created_at,
      ticketExpiresAt: ticketEnds.get(id) ?? null,
      senders: own.map((row) => ({
        sender: row.sender,
        createdAt: row.created_at,
        lastSeenAt: row.last_seen_at,
        address: row.last_address,
        version: row.version,
      })),
      epochLag: own.length === 0 ? null : lag(id),
    }
  })
}

function stateOf(isDisabled: boolean, isEnrolled: boolean, isCopied: boolean): DeviceInfo['state'] {
  if (isDisabled) return 'disabled'
  if (isEnrolled) return 'enrolled'
  return isCopied ? 'copied' : 'waiting'
}

// Channels that a device's roles open to it and whose current epoch none of its senders was given.
async function epochLags(
  store: Database,
  roles: readonly { member_id: string; role_id: string }[],
  senders: readonly { sender: number; member_id: string }[],
): Promise<(member: string) => number> {
  const grants = await store.selectFrom('grants').select(['role_id', 'channel_id']).distinct().execute()
  const current = await store
    .selectFrom('epochs')
    .select(['channel_id', 'epoch'])
    .where('seal_until', 'is', null)
    .execute()
  const given =
    senders.length === 0
      ? []
      : await store
          .selectFrom('given_epochs')
          .innerJoin('epochs', (join) =>
            join
              .onRef('epochs.channel_id', '=', 'given_epochs.channel_id')
              .onRef('epochs.epoch', '=', 'given_epochs.epoch'),
          )
          .select(['given_epochs.sender', 'given_epochs.channel_id', 'given_epochs.epoch'])
          .where('seal_until', 'is', null)
          .where(
            'given_epochs.sender',
            'in',
            senders.map(({ sender }) => sender),
          )
          .execute()
  const owner = new Map(senders.map(({ sender, member_id }) => [sender, member_id]))
  const held = new Set(given.map(({ sender, channel_id, epoch }) => `${owner.get(sender)} ${channel_id} ${epoch}`))
  const channelsOf = Map.groupBy(grants, ({ role_id }) => role_id)
  const rolesOf = Map.groupBy(roles, ({ member_id }) => member_id)
  return (member) => {
    const own = (rolesOf.get(member) ?? []).flatMap(({ role_id }) => channelsOf.get(role_id) ?? [])
    const channels = new Set(own.map(({ channel_id }) => channel_id))
    return current.filter(
      ({ channel_id, epoch }) => channels.has(channel_id) && !held.has(`${member} ${channel_id} ${epoch}`),
    ).length
  }
}
