import { filterCovers, intersectFilters, parseShare, topicFilterFault, topicMatches } from '../topic-filter.ts'
import type { ChannelRights, Decision } from './rights.ts'

/** Whether a sender may subscribe with exactly this filter: it must lie inside one granted filter. */
export function decideSubscribe(rights: readonly ChannelRights[], filter: string): Decision {
  const refused = refusal(filter)
  if (refused) return { allowed: false, rule: refused }
  const channel = rights.find(({ filters }) => filters.some((granted) => filterCovers(granted, filter)))
  if (!channel) return { allowed: false, rule: `No channel of this member holds all topics of ${filter}.` }
  if (!channel.subscribe)
    return { allowed: false, rule: `The role has no subscribe grant for the channel ${channel.channel}.` }
  return { allowed: true, channel: channel.channel }
}

/** Whether a message on this topic may be handed to a sender with these rights, live, queued or retained. */
export function decideDelivery(rights: readonly ChannelRights[], topic: string): Decision {
  const channel = rights.find(({ filters }) => filters.some((filter) => topicMatches(filter, topic)))
  if (channel?.subscribe) return { allowed: true, channel: channel.channel }
  return { allowed: false, rule: `The role has no subscribe grant for the topic ${topic}.` }
}

/**
 * The filters to subscribe with in place of a wider one, for example `#`: what is asked cut to what is granted.
 * Empty when nothing of it is granted.
 */
export function narrowSubscription(rights: readonly ChannelRights[], filter: string): string[] {
  if (refusal(filter)) return []
  const parts = rights
    .filter(({ subscribe }) => subscribe)
    .flatMap(({ filters }) => filters.map((granted) => intersectFilters(filter, granted)))
    .filter((part) => part !== null)
  const unique = [...new Set(parts)]
  // A part inside another would deliver the same message twice.
  return unique.filter((part) => !unique.some((other) => other !== part && filterCovers(other, part)))
}

function refusal(filter: string): string | null {
  const fault = topicFilterFault(filter)
  if (fault) return fault
  if (parseShare(filter)) return 'Shared subscriptions are not offered: a group would see only a part, and report gaps.'
  if (filter.startsWith('$')) return `Topics that begin with $ belong to the broker: ${filter}.`
  return null
}
