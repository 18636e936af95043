import type { ChannelRights } from '@sealmq/protocol'
import { narrowedBy } from '../../administration/grants.ts'
import { consistentRead } from '../../store/consistent-read.ts'
import type { Database } from '../../store/schema.ts'
import { readBrokerGrants } from '../broker-grants.ts'

/** What one role alone lets its members do at the broker, on every channel. */
export interface RolePolicy {
  id: string
  name: string
  rights: ChannelRights[]
}

/** Every role, by name. */
export async function readRolePolicies(store: Database): Promise<RolePolicy[]> {
  const { roles, channels, grants, filters } = await consistentRead(store, async (transaction) => ({
    roles: await transaction.selectFrom('roles').select(['id', 'name']).orderBy('name').execute(),
    channels: await transaction.selectFrom('channels').select(['id', 'name']).orderBy('name').execute(),
    grants: await readBrokerGrants(transaction),
    filters: await transaction.selectFrom('channel_filters').selectAll().orderBy('filter').execute(),
  }))
  // What a grant narrows belongs to each member: the role alone grants nothing there.
  const granted = new Set(
    grants
      .filter((grant) => narrowedBy(grant) === null)
      .map(({ role_id, channel_id, right }) => `${role_id} ${channel_id} ${right}`),
  )
  const filtersOf = Map.groupBy(filters, ({ channel_id }) => channel_id)
  return roles.map(({ id, name }) => ({
    id,
    name,
    rights: channels.map((channel) => ({
      channel: channel.name,
      filters: (filtersOf.get(channel.id) ?? []).map(({ filter }) => filter),
      publish: granted.has(`${id} ${channel.id} publish`),
      subscribe: granted.has(`${id} ${channel.id} subscribe`),
    })),
  }))
}
