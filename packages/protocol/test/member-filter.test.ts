import {
  expandMemberFilter,
  filterCovers,
  filtersOverlap,
  intersectFilters,
  memberFilterFault,
  publishRight,
  topicFilterFault,
  topicMatches,
} from '@sealmq/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const level = fc.constantFrom('a', 'b', '', '+', '{member}', 'pump-1')
const filters = fc
  .array(level, { minLength: 1, maxLength: 5 })
  .chain((levels) => fc.constantFrom(levels.join('/'), [...levels, '#'].join('/')))
  .filter((filter) => memberFilterFault(filter) === null)
const hasMember = (filter: string) => filter.split('/').includes('{member}')
const names = fc.oneof(
  fc.stringMatching(/^[a-z0-9][a-z0-9._-]{0,20}$/),
  fc.constantFrom('a', 'b', 'pump-1', '{member}', '+', '#', '$SYS', '', 'a/b', '/', 'a\u0000', 'a+', '#a', '\ud800'),
  fc.string({ maxLength: 8, unit: 'binary' }),
)
const isSafe = (name: string) =>
  name !== '' &&
  !['/', '+', '#', '\u0000'].some((character) => name.includes(character)) &&
  !name.startsWith('$') &&
  (name as { isWellFormed(): boolean }).isWellFormed()

describe('expanding {member}', () => {
  it('gives a part of the filter with + in its place, which holds the own name at each such level, or nothing', () => {
    fc.assert(
      fc.property(filters, names, (filter, name) => {
        const expanded = expandMemberFilter(filter, name)
        if (!hasMember(filter) || !isSafe(name)) {
          expect(expanded).toBe(hasMember(filter) ? null : filter)
          return
        }
        expect(topicFilterFault(expanded!)).toBeNull()
        const levels = filter.split('/')
        expect(expanded!.split('/')).toHaveLength(levels.length)
        const widest = levels.map((one) => (one === '{member}' ? '+' : one)).join('/')
        expect(filterCovers(widest, expanded!)).toBe(true)
        for (const [index, one] of expanded!.split('/').entries()) {
          expect(one).toBe(levels[index] === '{member}' ? name : levels[index])
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('gives no two devices a topic in common', () => {
    fc.assert(
      fc.property(filters.filter(hasMember), filters.filter(hasMember), names, names, (filter, other, one, two) => {
        fc.pre(one !== two)
        const [first, second] = [expandMemberFilter(filter, one), expandMemberFilter(filter, two)]
        if (first && second) expect(filtersOverlap(first, second)).toBe(false)
        // A broker without channels is told the intersection: it must be neither more nor less.
        const [part, whole] = [expandMemberFilter(filter, one), expandMemberFilter(other, two)]
        if (!part || !whole) return
        const both = intersectFilters(whole, part)
        for (const topic of ['a', 'a/b', `a/${one}`, `a/${two}/b`, `${one}/${two}`, part, whole]) {
          if (/[+#]/.test(topic)) continue
          const wanted = topicMatches(part, topic) && topicMatches(whole, topic)
          expect(both !== null && topicMatches(both, topic), topic).toBe(wanted)
        }
      }),
      { numRuns: 2000 },
    )
  })

  it('gives people nothing, whatever they are called', () => {
    fc.assert(
      fc.property(filters, (filter) => {
        expect(expandMemberFilter(filter, null)).toBe(hasMember(filter) ? null : filter)
      }),
    )
  })

  it.each([
    ['a/x{member}', '{member} must fill a whole level.'],
    ['a/{member}{member}', '{member} must fill a whole level.'],
    ['$SYS/{member}', 'Topics that begin with $ belong to the broker.'],
    ['$share/g/{member}', 'Topics that begin with $ belong to the broker.'],
    ['a/#/{member}', 'The wildcard # must stand alone in the last level.'],
    ['', 'A topic needs at least one character.'],
  ])('is not offered in %s', (filter, fault) => expect(memberFilterFault(filter)).toBe(fault))

  it('gives nothing where a name makes the filter too long', () => {
    expect(expandMemberFilter(`${'a/'.repeat(32_000)}{member}`, 'n'.repeat(2000))).toBeNull()
  })
})

describe('the right to publish', () => {
  const grants = {
    publishRoles: ['all'],
    publishWithin: [
      { role: 'device', filters: ['a/{member}', 'b/{member}/#'] },
      { role: 'part', filters: ['c'] },
    ],
  }
  it.each([
    [['all', 'device'], 'x', true],
    [['device'], 'x', ['a/x', 'b/x/#']],
    [['device', 'part'], 'x', ['a/x', 'b/x/#', 'c']],
    [['device', 'part'], null, ['c']],
    [['device'], null, false],
    [['device'], '+', false],
    [['other'], 'x', false],
    [[], 'x', false],
  ])('of %j called %s', (roles, device, right) => expect(publishRight({ roles, device }, grants)).toEqual(right))
})
