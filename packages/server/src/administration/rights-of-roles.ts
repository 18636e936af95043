import { type ChannelRights, type Publisher, publishRight } from '@sealmq/protocol'
import type { Schema } from '../store/schema.ts'
import { publishGrants } from './grants.ts'

/** A channel with what is granted on it. */
export interface GrantedChannel {
  name: string
  filters: readonly string[]
  publishing: ReturnType<typeof publishGrants>
  /** Role ids. */
  subscribeRoles: readonly string[]
}

/** Puts rows of the store together. @param grants as brokers are told them, or the grants alone, by which keys are given */
export function grantedChannels(
  channels: readonly { id: string; name: string }[],
  filters: readonly Schema['channel_filters'][],
  grants: readonly Schema['grants'][],
): GrantedChannel[] {
  const filtersOf = Map.groupBy(filters, ({ channel_id }) => channel_id)
  const grantsOf = Map.groupBy(grants, ({ channel_id }) => channel_id)
  return channels.map(({ id, name }) => {
    const granted = grantsOf.get(id) ?? []
    return {
      name,
      filters: (filtersOf.get(id) ?? []).map(({ filter }) => filter),
      publishing: publishGrants(granted),
      subscribeRoles: granted.filter(({ right }) => right === 'subscribe').map(({ role_id }) => role_id),
    }
  })
}

/** What a member with these roles may do on each channel. */
export const rightsOfRoles = (channels: readonly GrantedChannel[], who: Publisher): ChannelRights[] =>
  channels.map(({ name, filters, publishing, subscribeRoles }) => ({
    channel: name,
    filters,
    publish: publishRight(who, publishing),
    subscribe: who.roles.some((role) => subscribeRoles.includes(role)),
  }))
