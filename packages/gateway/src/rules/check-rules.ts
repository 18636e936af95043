import { filtersOverlap } from '@sealmq/protocol'
import { GatewayError } from '../gateway-error.ts'
import type { Rule } from './rule.ts'

/** Where Sparkplug applications look for plain Sparkplug payloads, and must find nothing else. */
const sparkplugRoot = 'spBv1.0/#'

/**
 * What can be told of rules without asking the authority.
 * @throws GatewayError `rules-overlap`, `rules-loop`, `rules-sparkplug`
 */
export function checkRules(rules: readonly Rule[]): void {
  checkSparkplug(rules)
  checkOverlaps(rules)
  checkLoops(rules)
}

function checkSparkplug(rules: readonly Rule[]): void {
  for (const { direction, from, to, place, format } of rules) {
    const [plantFilter, machineFilter] = direction === 'up' ? [to.filter, from] : [from, to.filter]
    if (filtersOverlap(plantFilter, sparkplugRoot)) {
      throw new GatewayError(
        'rules-sparkplug',
        `${place}: what is sealed would stand under spBv1.0/ on the plant's side (${plantFilter}).`,
      )
    }
    if (format.name !== 'sparkplug') continue
    const order = to.parts.flatMap((part) => (typeof part === 'object' ? [part.single] : []))
    const isParallel =
      machineFilter.startsWith('spBv1.0/') &&
      plantFilter.endsWith(`/${machineFilter}`) &&
      order.every((single, index) => single === index + 1 + plantSingles(direction, from, machineFilter))
    if (!isParallel) {
      throw new GatewayError(
        'rules-sparkplug',
        `${place}: a rule with the format sparkplug must have spBv1.0/… on the machines' side, and on the plant's the same levels under a root of its own.`,
      )
    }
  }
}

// A + in the plant's root stands before those of the Sparkplug levels.
function plantSingles(direction: Rule['direction'], from: string, machineFilter: string): number {
  if (direction === 'up') return 0
  const root = from.slice(0, -machineFilter.length)
  return root.split('/').filter((level) => level === '+').length
}

function checkOverlaps(rules: readonly Rule[]): void {
  for (const [index, later] of rules.entries()) {
    const earlier = rules
      .slice(0, index)
      .find((rule) => rule.direction === later.direction && !rule.first && filtersOverlap(rule.from, later.from))
    if (earlier) {
      throw new GatewayError(
        'rules-overlap',
        `${later.place}: ${later.from} takes topics that ${earlier.from} of ${earlier.place} takes too.`,
      )
    }
  }
}

function checkLoops(rules: readonly Rule[]): void {
  const feeds = (one: Rule, other: Rule) =>
    one.direction !== other.direction && filtersOverlap(one.to.filter, other.from)
  for (const start of rules) {
    const way = cycleFrom(start, rules, feeds)
    if (!way) continue
    const steps = way.map(({ place, direction, from, to }) => `${place} (${direction}, ${from} to ${to.filter})`)
    throw new GatewayError('rules-loop', `${start.place}: this rule feeds itself by ${steps.join(', then ')}.`)
  }
}

/** The shortest way from a rule back to it. */
function cycleFrom(start: Rule, rules: readonly Rule[], feeds: (one: Rule, other: Rule) => boolean): Rule[] | null {
  const ways: Rule[][] = [[start]]
  const seen = new Set<Rule>()
  for (const way of ways) {
    for (const next of rules) {
      if (!feeds(way.at(-1)!, next)) continue
      if (next === start) return way
      if (seen.has(next)) continue
      seen.add(next)
      ways.push([...way, next])
    }
  }
  return null
}
