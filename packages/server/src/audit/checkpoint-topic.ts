import { filtersOverlap, topicNameFault } from '@sealmq/protocol'
import { StartError } from '../authority-error.ts'
import type { Database } from '../store/schema.ts'

/** Refuses what is no topic name. @throws StartError `bad-setting` */
export function checkTopic(topic: string): void {
  const fault =
    topicNameFault(topic) ?? (topic.startsWith('$') ? 'Topics that begin with $ belong to the broker.' : null)
  if (fault) throw new StartError('bad-setting', `--checkpoint-topic ${JSON.stringify(topic)}: ${fault}`)
}

/**
 * Refuses a topic of a channel: there are sealed messages only, and not everybody may read them.
 * @throws StartError `bad-setting`
 */
export async function refuseTopicOfChannel(store: Database, topic: string): Promise<void> {
  const filters = await store
    .selectFrom('channel_filters')
    .innerJoin('channels', 'channels.id', 'channel_filters.channel_id')
    .select(['filter', 'name'])
    .execute()
  const taken = filters.find(({ filter }) => filtersOverlap(filter, topic))
  if (!taken) return
  throw new StartError(
    'bad-setting',
    `--checkpoint-topic ${topic} belongs to the channel ${taken.name} (${taken.filter}). Take a topic of no channel.`,
  )
}
