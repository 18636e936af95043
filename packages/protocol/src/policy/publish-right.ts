import { expandMemberFilter } from '../member-filter.ts'
import type { NarrowedGrant } from '../types.ts'
import type { PublishRight } from './rights.ts'

/** Who asks: role ids, and the name where it is a device. */
export interface Publisher {
  roles: readonly string[]
  /** Null for people. */
  device: string | null
}

/** What is granted on one channel. */
export interface PublishGrants {
  /** Role ids that may publish on all of it. */
  publishRoles: readonly string[]
  publishWithin?: readonly NarrowedGrant[]
}

/** What a member may publish on of a channel: everything, what these filters match, or nothing. */
export function publishRight({ roles, device }: Publisher, grants: PublishGrants): PublishRight {
  if (roles.some((role) => grants.publishRoles.includes(role))) return true
  const held = (grants.publishWithin ?? []).filter(({ role }) => roles.includes(role))
  const filters = held
    .flatMap(({ filters }) => filters.map((filter) => expandMemberFilter(filter, device)))
    .filter((filter) => filter !== null)
  return filters.length > 0 && [...new Set(filters)]
}
