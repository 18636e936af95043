import { topicMatches } from '../topic-filter.ts'
import { topicNameFault } from '../topic-name.ts'
import type { ChannelRights, Decision } from './rights.ts'

/** Whether a sender with these rights may publish on this topic name; also asked for wills and retained messages. */
export function decidePublish(rights: readonly ChannelRights[], topic: string): Decision {
  const fault = topicNameFault(topic)
  if (fault) return { allowed: false, rule: fault }
  if (topic.startsWith('$')) return { allowed: false, rule: `Topics that begin with $ belong to the broker: ${topic}.` }
  const channel = rights.find(({ filters }) => filters.some((filter) => topicMatches(filter, topic)))
  if (!channel) return { allowed: false, rule: `No channel of this member holds the topic ${topic}.` }
  const { publish } = channel
  if (publish === false)
    return { allowed: false, rule: `The role has no publish grant for the channel ${channel.channel}.` }
  if (publish !== true && !publish.some((filter) => topicMatches(filter, topic)))
    return {
      allowed: false,
      rule: `Of the channel ${channel.channel} this member may publish on ${publish.join(', ')} only, and not on ${topic}.`,
    }
  return { allowed: true, channel: channel.channel }
}
