import { topicStringFault } from './topic-name.ts'

/** What is wrong with a topic filter (MQTT 3.1.1 and 5.0, 4.7.1), as a sentence; null when nothing is. */
export function topicFilterFault(filter: string): string | null {
  const fault = topicStringFault(filter)
  if (fault) return fault
  if (filter === '$share' || filter.startsWith('$share/')) return shareFault(filter)
  const levels = filter.split('/')
  for (const [index, level] of levels.entries()) {
    if (level.includes('#') && (level !== '#' || index !== levels.length - 1)) {
      return 'The wildcard # must stand alone in the last level.'
    }
    if (level.includes('+') && level !== '+') return 'The wildcard + must fill a whole level.'
  }
  return null
}

function shareFault(filter: string): string | null {
  const share = parseShare(filter)
  if (!share) return 'A shared subscription is $share/GROUP/FILTER.'
  if (/[+#]/.test(share.group)) return 'The group of a shared subscription must not hold wildcards.'
  return share.filter.startsWith('$share/') ? 'A shared subscription cannot be nested.' : topicFilterFault(share.filter)
}

/** Takes a shared subscription apart (MQTT 5.0, 4.8.2); null when the filter is none. */
export function parseShare(filter: string): { group: string; filter: string } | null {
  const match = /^\$share\/([^/]+)\/(.+)$/su.exec(filter)
  return match ? { group: match[1]!, filter: match[2]! } : null
}

// A wildcard in the first level does not match topics that begin with $ (MQTT 5.0, 4.7.2-1).
const isSystemLevel = (level: string) => level.startsWith('$')
const isWildcard = (level: string) => level === '#' || level === '+'

/** Whether a topic name matches a filter (MQTT 3.1.1 and 5.0, 4.7). A shared subscription matches as its inner filter does. */
export function topicMatches(filter: string, topic: string): boolean {
  const share = parseShare(filter)
  const filterLevels = (share ? share.filter : filter).split('/')
  const topicLevels = topic.split('/')
  if (isWildcard(filterLevels[0]!) && isSystemLevel(topicLevels[0]!)) return false
  for (const [index, level] of filterLevels.entries()) {
    // "sport/#" also matches "sport" itself (MQTT 5.0, 4.7.1.2).
    if (level === '#') return topicLevels.length >= index
    if (index >= topicLevels.length) return false
    if (level !== '+' && level !== topicLevels[index]) return false
  }
  return filterLevels.length === topicLevels.length
}

/** Whether every topic that `inner` matches is matched by `outer` too. Shared subscriptions are covered by nothing. */
export function filterCovers(outer: string, inner: string): boolean {
  if (parseShare(outer) || parseShare(inner)) return false
  const outerLevels = outer.split('/')
  const innerLevels = inner.split('/')
  if (isWildcard(outerLevels[0]!) && isSystemLevel(innerLevels[0]!)) return false
  for (const [index, level] of outerLevels.entries()) {
    if (level === '#') return innerLevels.length >= index
    const innerLevel = innerLevels[index]
    if (innerLevel === '#') return level === '+' && outerLevels[index + 1] === '#' && hasNoParent(innerLevels, index)
    if (innerLevel === undefined) return false
    if (level === '+') continue
    if (innerLevel !== level) return false
  }
  return outerLevels.length === innerLevels.length
}

// "#" and "/#" have no parent that is a topic (a topic has a character at least), so they are "+/#" and "/+/#".
function hasNoParent(levels: string[], index: number): boolean {
  return index === 0 || (index === 1 && levels[0] === '')
}

/** Whether some topic name matches both filters. */
export function filtersOverlap(a: string, b: string): boolean {
  return intersectFilters(a, b) !== null
}

/**
 * The filter that matches exactly the topics matched by both, or null when there is none.
 * (Two filters' intersection is always one filter: each level is the narrower of the two.)
 */
export function intersectFilters(a: string, b: string): string | null {
  if (parseShare(a) || parseShare(b)) return null
  const aLevels = a.split('/')
  const bLevels = b.split('/')
  const first = [aLevels[0]!, bLevels[0]!]
  if (first.some(isWildcard) && first.some(isSystemLevel)) return null
  const levels: string[] = []
  for (let index = 0; ; index++) {
    const aLevel = aLevels[index]
    const bLevel = bLevels[index]
    if (aLevel === undefined && bLevel === undefined) return joined(levels)
    if (aLevel === '#') return endWith(levels, bLevels, index)
    if (bLevel === '#') return endWith(levels, aLevels, index)
    if (aLevel === undefined || bLevel === undefined) return null
    if (aLevel === '+') levels.push(bLevel)
    else if (bLevel === '+' || aLevel === bLevel) levels.push(aLevel)
    else return null
  }
}

// "a/#" also matches "a", so the other filter may have ended one level before the #.
function endWith(levels: string[], other: string[], index: number): string | null {
  return joined([...levels, ...other.slice(index)])
}

// "+" and "/#" share nothing but the empty topic, which is none.
function joined(levels: string[]): string | null {
  return levels.join('/') || null
}
