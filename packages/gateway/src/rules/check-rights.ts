import { type ChannelRights, decideSubscribe, filterCovers, filtersOverlap } from '@sealmq/protocol'
import { GatewayError } from '../gateway-error.ts'
import type { Rule } from './rule.ts'

/**
 * Whether this sender may do what the rules say, on every topic that they can give.
 * @throws GatewayError `rules-not-permitted` with every such rule
 */
export function checkRights(rules: readonly Rule[], rights: readonly ChannelRights[]): void {
  const faults = rules.flatMap((rule) => {
    const fault = rule.direction === 'up' ? publishFault(rights, rule.to.filter) : subscribeFault(rights, rule.from)
    return fault ? [`${rule.place}: ${fault}`] : []
  })
  if (faults.length > 0) throw new GatewayError('rules-not-permitted', ...faults)
}

function publishFault(rights: readonly ChannelRights[], filter: string): string | null {
  const channel = rights.find(({ filters }) => filters.some((held) => filterCovers(held, filter)))
  if (!channel) return `${filter} ${outside(rights, filter)}`
  const { publish } = channel
  if (publish === true) return null
  if (publish === false) return `The role has no publish grant for the channel ${channel.channel}.`
  if (publish.some((held) => filterCovers(held, filter))) return null
  return `${filter} goes beyond what this member may publish on of the channel ${channel.channel}: ${publish.join(', ')}.`
}

function subscribeFault(rights: readonly ChannelRights[], filter: string): string | null {
  const decision = decideSubscribe(rights, filter)
  if (decision.allowed) return null
  return rights.some(({ filters }) => filters.some((held) => filterCovers(held, filter)))
    ? decision.rule
    : `${filter} ${outside(rights, filter)}`
}

function outside(rights: readonly ChannelRights[], filter: string): string {
  const touched = rights.filter(({ filters }) => filters.some((held) => filtersOverlap(held, filter)))
  if (touched.length === 0) return 'lies in no channel that this sender holds.'
  return `does not lie within one channel (it touches ${touched.map(({ channel }) => channel).join(', ')}): write a rule for each.`
}
