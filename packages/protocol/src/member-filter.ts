import { topicFilterFault } from './topic-filter.ts'
import { topicStringFault } from './topic-name.ts'

/** A whole level of a grant's filter that stands for the name of the device that publishes. */
export const memberLevel = '{member}'

/** What is wrong with a filter that a grant is narrowed by, as a sentence; null when nothing is. */
export function memberFilterFault(filter: string): string | null {
  const fault = topicFilterFault(filter)
  if (fault) return fault
  if (filter.startsWith('$')) return 'Topics that begin with $ belong to the broker.'
  const isPart = filter.split('/').some((level) => level !== memberLevel && level.includes(memberLevel))
  return isPart ? `${memberLevel} must fill a whole level.` : null
}

/**
 * The filter of a grant for one member. Null, which grants nothing, where the member has no name of its own (people: theirs are not
 * unique), where the name is not exactly one level of a topic, and where what comes out is no filter.
 * @param device name of the device; null for people
 */
export function expandMemberFilter(filter: string, device: string | null): string | null {
  const levels = filter.split('/')
  if (levels.includes(memberLevel) && (device === null || !isOneLevel(device))) return null
  const expanded = levels.map((level) => (level === memberLevel ? device : level)).join('/')
  return topicFilterFault(expanded) ? null : expanded
}

// A name with a separator or a wildcard would grant the topics of others; one that begins with $ those of the broker.
function isOneLevel(name: string): boolean {
  return topicStringFault(name) === null && !/[/+#]/.test(name) && !name.startsWith('$')
}
