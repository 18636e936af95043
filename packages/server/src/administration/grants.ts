import {
  filtersOverlap,
  memberFilterFault,
  memberLevel,
  type NarrowedGrant,
  publishRight,
  type Right,
} from '@sealmq/protocol'
import type { Grant } from '@sealmq/protocol/api'
import { AuthorityError } from '../authority-error.ts'

/** A grant as the store has it. */
export interface GrantRow {
  role_id: string
  channel_id: string
  right: Right
  filters: string | null
}

/** The filters that a grant is narrowed by; null: it is on the whole channel. */
export const narrowedBy = ({ filters }: Pick<GrantRow, 'filters'>): string[] | null =>
  filters === null ? null : (JSON.parse(filters) as string[])

/** The publish grants on one channel, as manifests state them. */
export function publishGrants(grants: readonly GrantRow[]): { publishRoles: string[]; publishWithin: NarrowedGrant[] } {
  const publishRoles: string[] = []
  const publishWithin: NarrowedGrant[] = []
  for (const grant of grants) {
    if (grant.right !== 'publish') continue
    const filters = narrowedBy(grant)
    if (filters === null) publishRoles.push(grant.role_id)
    else publishWithin.push({ role: grant.role_id, filters })
  }
  return { publishRoles, publishWithin }
}

/** A grant as the API shows it. */
export const shownGrant = (row: { channel: string; right: Right; filters: string | null }): Grant => {
  const filters = narrowedBy(row)
  return { channel: row.channel, right: row.right, ...(filters === null ? {} : { filters }) }
}

/** What all roles of a member grant together, on each channel. @param device its name; null for people */
export function grantsOfMember(grants: readonly (GrantRow & { channel: string })[], device: string | null): Grant[] {
  const roles = grants.map(({ role_id }) => role_id)
  return [...Map.groupBy(grants, ({ channel }) => channel)].flatMap(([channel, granted]): Grant[] => {
    const publish = publishRight({ roles, device }, publishGrants(granted))
    const subscribe = granted.some(({ right }) => right === 'subscribe')
    return [
      ...(publish === false
        ? []
        : [{ channel, right: 'publish' as const, ...(publish === true ? {} : { filters: [...publish] }) }]),
      ...(subscribe ? [{ channel, right: 'subscribe' as const }] : []),
    ]
  })
}

/**
 * What a request grants, a row for each channel and right: several on one channel are taken together.
 * @throws AuthorityError `not-found`, `bad-filter`, `bad-request`
 */
export function grantRows(
  role: string,
  grants: readonly Grant[],
  channels: readonly { id: string; name: string; filters: readonly string[] }[],
): GrantRow[] {
  const rows = new Map<string, { channel_id: string; right: Right; filters: Set<string> | null }>()
  for (const { channel, right, filters } of grants) {
    const found = channels.find(({ id, name }) => id === channel || name === channel)
    if (!found) throw new AuthorityError('not-found', `There is no channel ${channel}. sealmq channels list shows all.`)
    if (filters) checkNarrowing(right, filters, found)
    const key = `${found.id} ${right}`
    const before = rows.get(key)
    const isWhole = !filters || before?.filters === null
    rows.set(key, {
      channel_id: found.id,
      right,
      filters: isWhole ? null : new Set([...(before?.filters ?? []), ...filters]),
    })
  }
  return [...rows.values()].map(({ filters, ...row }) => ({
    role_id: role,
    ...row,
    filters: filters && JSON.stringify([...filters].sort()),
  }))
}

function checkNarrowing(
  right: Right,
  filters: readonly string[],
  channel: { name: string; filters: readonly string[] },
): void {
  // Whoever reads a part holds the key of all of it: only the broker would keep the rest away.
  if (right === 'subscribe') {
    throw new AuthorityError(
      'bad-request',
      `A grant to subscribe is on a whole channel: its key opens all of it. Make a channel of its own for what only some may read.`,
    )
  }
  for (const filter of filters) {
    const fault = memberFilterFault(filter)
    if (fault) throw new AuthorityError('bad-filter', `${JSON.stringify(filter)}: ${fault}`)
    const widest = filter
      .split('/')
      .map((level) => (level === memberLevel ? '+' : level))
      .join('/')
    if (!channel.filters.some((held) => filtersOverlap(held, widest))) {
      throw new AuthorityError(
        'bad-filter',
        `${filter} holds no topic of the channel ${channel.name} (${channel.filters.join(', ')}): it would grant nothing.`,
      )
    }
  }
}
