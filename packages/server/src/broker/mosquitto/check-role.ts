import { type ChannelRights, decidePublish, decideSubscribe } from '@sealmq/protocol'
import type { BrokerCheckCell } from '@sealmq/protocol/api'
import type { MqttClient } from 'mqtt'

/** Stands for a level that a filter leaves open. */
const anyLevel = 'sealmq-check'
/** Of one channel; one with a hundred filters shows with some whether it is as it should be. */
const filtersOfChannel = 5

/** One question: may a client do this? */
interface Question {
  channel: string | null
  topic: string
}

/** A topic that a filter matches. */
const sample = (filter: string): string => filter.replaceAll(/(?<=^|\/)[+#](?=$|\/)/g, anyLevel)

function publishQuestions(rights: readonly ChannelRights[]): Question[] {
  const own = rights.flatMap(({ channel, filters }) =>
    filters.slice(0, filtersOfChannel).map((filter) => ({ channel, topic: sample(filter) })),
  )
  const others = ['$SYS/sealmq-check', '$CONTROL/dynamic-security/v1', 'sealmq-check/of/no/channel']
  return [...own, ...others.map((topic) => ({ channel: null, topic }))]
}

function subscribeQuestions(rights: readonly ChannelRights[]): Question[] {
  const own = rights.flatMap(({ channel, filters }) =>
    filters.slice(0, filtersOfChannel).flatMap((filter) => {
      const levels = filter.split('/')
      const wider = ['+', ...levels.slice(1)].join('/')
      const below = levels.at(-1) === '#' ? filter : `${filter}/#`
      return [...new Set([filter, sample(filter), wider, below, `$share/sealmq-check/${filter}`])].map((topic) => ({
        channel,
        topic,
      }))
    }),
  )
  const others = ['#', '+/#', '$SYS/#', '$CONTROL/#', '$share/sealmq-check/#']
  return [...own, ...others.map((topic) => ({ channel: null, topic }))]
}

/**
 * Asks the broker, as a client that has the role alone, for all that the policy decides about: subscriptions in one packet,
 * publications one by one. They are empty and not retained: clients of sealed messages ignore them.
 */
export async function checkRole(
  client: MqttClient,
  role: string,
  rights: readonly ChannelRights[],
): Promise<BrokerCheckCell[]> {
  const cells: BrokerCheckCell[] = []
  const asked = subscribeQuestions(rights)
  const answers = await subscribeAll(
    client,
    asked.map(({ topic }) => topic),
  )
  for (const [index, { channel, topic }] of asked.entries()) {
    const expected = decideSubscribe(rights, topic).allowed
    cells.push({ role, channel, action: 'subscribe', topic, expected, actual: (answers[index] ?? 128) < 128 })
  }
  for (const { channel, topic } of publishQuestions(rights)) {
    const expected = decidePublish(rights, topic).allowed
    const actual = await client.publishAsync(topic, '', { qos: 1 }).then(
      () => true,
      () => false,
    )
    cells.push({ role, channel, action: 'publish', topic, expected, actual })
  }
  return cells
}

// Only the packet tells what became of each; MQTT.js makes one error of the first that is refused.
function subscribeAll(client: MqttClient, topics: string[]): Promise<number[]> {
  return new Promise((resolve, reject) => {
    client.subscribe(topics, { qos: 0 }, (error, _granted, packet) => {
      if (packet) resolve(packet.granted as number[])
      else reject(error ?? new Error('no answer to a subscription'))
    })
  })
}
