import { createHmac } from 'node:crypto'
import { intersectFilters, type PublishRight, publishRight } from '@sealmq/protocol'
import { narrowedBy, publishGrants } from '../../administration/grants.ts'
import { brokerPassword, brokerUsername } from '../../identity/senders.ts'
import { sessionLives } from '../../identity/session-senders.ts'
import type { MasterKey } from '../../keys/master-key.ts'
import { consistentRead } from '../../store/consistent-read.ts'
import type { Database } from '../../store/schema.ts'
import { readBrokerGrants } from '../broker-grants.ts'
import { type Acl, observerName, securityName } from './security-state.ts'

/** What the broker should have, by names of its own. */
export interface DesiredState {
  /** ACLs of the role, and of the group that has this role alone. */
  roles: Map<string, Acl[]>
  clients: Map<string, DesiredClient>
  /** Living senders that the broker cannot be told of: only the hash of their password is there. */
  withoutPassword: number[]
}

/** Role and group of all senders: what the authority publishes. */
const readersName = 'sealmq-checkpoints'

/** Topics of the authority's own, which no channel holds; null for none. */
export interface OwnTopics {
  /** Every sender may subscribe to it. */
  checkpoints: string | null
  /** That of the run before, from which the last checkpoint is taken away. */
  former: string | null
}

export const observerPassword = (masterKey: MasterKey): string =>
  Buffer.from(masterKey.derive('sealmq broker observer password')).toString('base64url')

export interface DesiredClient {
  groups: string[]
  mark: string
  password: () => string
}

/**
 * What the store says now: living senders, their roles, what those grant, and the observer. Roles that nobody has are left out.
 * What a grant narrows for a member is a role of that member's own.
 */
export async function readDesiredState(
  store: Database,
  masterKey: MasterKey,
  own: OwnTopics,
  now: number,
): Promise<DesiredState> {
  const { senders, memberRoles, grants, filters, recorded } = await consistentRead(store, async (transaction) => ({
    senders: await transaction
      .selectFrom('senders')
      .innerJoin('members', 'members.id', 'senders.member_id')
      .select(['sender', 'member_id', 'broker_hash', 'broker_password_wrapped', 'email', 'kind'])
      .where('revoked_at', 'is', null)
      .where(sessionLives(now))
      .where('locked_at', 'is', null)
      .execute(),
    memberRoles: await transaction.selectFrom('member_roles').selectAll().execute(),
    grants: await readBrokerGrants(transaction),
    filters: await transaction.selectFrom('channel_filters').selectAll().execute(),
    recorded: await transaction.selectFrom('channels').select('id').where('audit', '!=', 'off').execute(),
  }))
  const rolesOf = Map.groupBy(memberRoles, ({ member_id }) => member_id)
  const grantsOf = Map.groupBy(grants, ({ role_id }) => role_id)
  const filtersOf = Map.groupBy(filters, ({ channel_id }) => channel_id)
  const publishing = [...Map.groupBy(grants, ({ channel_id }) => channel_id)].map(([channel, granted]) => ({
    filters: (filtersOf.get(channel) ?? []).map(({ filter }) => filter),
    // What a role grants on a whole channel is an ACL of the role.
    grants: { publishRoles: [], publishWithin: publishGrants(granted).publishWithin },
  }))
  const markKey = masterKey.derive('sealmq broker password mark')
  const mark = (hash: Uint8Array) =>
    `SealMQ ${createHmac('sha256', markKey).update(hash).digest('base64url').slice(0, 16)}`
  const desired: DesiredState = { roles: new Map(), clients: new Map(), withoutPassword: [] }
  const password = observerPassword(masterKey)
  const observed = recorded.flatMap(({ id }) =>
    (filtersOf.get(id) ?? []).flatMap(({ filter }) => aclsOf('subscribe', filter)),
  )
  const published = [own.checkpoints, own.former].filter((topic) => topic !== null)
  desired.roles.set(observerName, [
    ...new Set([...observed, ...published.flatMap((topic) => aclsOf('publish', topic))]),
  ])
  desired.clients.set(observerName, {
    groups: [observerName],
    mark: mark(Buffer.from(password)),
    password: () => password,
  })
  const ofEverybody = own.checkpoints === null ? [] : [readersName]
  if (own.checkpoints !== null) desired.roles.set(readersName, aclsOf('subscribe', own.checkpoints))
  for (const row of senders) {
    if (row.broker_password_wrapped === null) {
      desired.withoutPassword.push(row.sender)
      continue
    }
    const roles = (rolesOf.get(row.member_id) ?? []).map(({ role_id }) => role_id)
    for (const role of roles) {
      const name = securityName(role)
      if (desired.roles.has(name)) continue
      const acls = (grantsOf.get(role) ?? [])
        .filter((grant) => narrowedBy(grant) === null)
        .flatMap(({ channel_id, right }) =>
          (filtersOf.get(channel_id) ?? []).flatMap(({ filter }) => aclsOf(right, filter)),
        )
      desired.roles.set(name, [...new Set(acls)])
    }
    const groups = roles.map(securityName)
    const narrowed = publishing.flatMap(({ filters, grants }) =>
      narrowedFilters(filters, publishRight({ roles, device: row.kind === 'device' ? row.email : null }, grants)),
    )
    if (narrowed.length > 0) {
      const name = securityName(`of-${row.member_id}`)
      desired.roles.set(
        name,
        narrowed.flatMap((filter) => aclsOf('publish', filter)),
      )
      groups.push(name)
    }
    desired.clients.set(brokerUsername(row.sender), {
      groups: [...groups, ...ofEverybody].sort(),
      mark: mark(row.broker_hash),
      password: () => brokerPassword(masterKey, row)!,
    })
  }
  return desired
}

// An ACL knows no channel: both filters become one.
function narrowedFilters(channel: readonly string[], right: PublishRight): string[] {
  if (typeof right === 'boolean') return []
  const parts = channel.flatMap((filter) => right.map((own) => intersectFilters(filter, own)))
  return [...new Set(parts.filter((part) => part !== null))]
}

// A subscription must lie inside the filter (subscribePattern); that it is delivered is a right of its own.
function aclsOf(right: 'publish' | 'subscribe', topic: string): Acl[] {
  const types = right === 'publish' ? ['publishClientSend'] : ['publishClientReceive', 'subscribePattern']
  const granted = types.map((acltype) => ({ acltype, topic, allow: true, priority: 0 }))
  return right === 'subscribe' && /^[+#]/.test(topic) ? [...granted, ...brokersOwn] : granted
}

// The plugin takes $SYS/# and $share/… for parts of # and +/#, which they are not (MQTT 5.0, 4.7.2 and 4.8.2).
const brokersOwn: Acl[] = ['$SYS/#', '$CONTROL/#', '$share/#'].map((topic) => ({
  acltype: 'subscribePattern',
  topic,
  allow: false,
  priority: 1,
}))
