import {
  filterCovers,
  filtersOverlap,
  intersectFilters,
  parseShare,
  topicFilterFault,
  topicMatches,
  topicNameFault,
} from '@sealmq/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

// All topics of up to four levels over an alphabet that has every special case: enough to tell any two filters of up to
// three levels apart, "c" standing for a level that no filter names.
const alphabet = ['a', 'b', 'c', '', '$s']
const topics: string[][] = []
let longest: string[][] = [[]]
for (let levels = 1; levels <= 4; levels++) {
  longest = longest.flatMap((topic) => alphabet.map((level) => [...topic, level]))
  topics.push(...longest)
}
const allTopics = topics.map((levels) => levels.join('/')).filter((topic) => topic !== '')

// The oracle is a regular expression, written from MQTT 5.0, 4.7 and nothing else.
function oracle(filter: string): RegExp {
  const body = filter.replace(/[$]/g, '\\$').replace(/\+/g, '[^/]*').replace(/\/#$/, '(/.*)?').replace(/^#$/, '.*')
  return new RegExp(`^${/^[+#]/.test(filter) ? '(?!\\$)' : ''}${body}$`)
}
const matchedBy = (filter: string) => new Set(allTopics.filter((topic) => oracle(filter).test(topic)))

const levels = fc.array(fc.constantFrom('a', 'b', '', '+', '$s'), { maxLength: 3 })
const filters = fc
  .tuple(levels, fc.boolean())
  .map(([levels, all]) => [...levels, ...(all ? ['#'] : [])].join('/'))
  .filter((filter) => filter !== '')

describe('topic filters against a brute-force oracle', () => {
  it('match', () => {
    fc.assert(
      fc.property(filters, fc.constantFrom(...allTopics), (filter, topic) => {
        expect(topicMatches(filter, topic)).toBe(oracle(filter).test(topic))
      }),
      { numRuns: 5000 },
    )
  })

  it('cover, overlap and intersect', () => {
    fc.assert(
      fc.property(filters, filters, (a, b) => {
        const [byA, byB] = [matchedBy(a), matchedBy(b)]
        const both = byA.intersection(byB)
        expect(filterCovers(a, b), `${a} covers ${b}`).toBe(byB.isSubsetOf(byA))
        expect(filtersOverlap(a, b), `${a} overlaps ${b}`).toBe(both.size > 0)
        const intersection = intersectFilters(a, b)
        expect(intersection === null ? new Set() : matchedBy(intersection), `${a} with ${b}`).toEqual(both)
        if (intersection !== null) expect(topicFilterFault(intersection)).toBeNull()
      }),
      { numRuns: 400 },
    )
  })
})

describe('topic filters by the book', () => {
  it.each([
    ['sport/#', 'sport', true],
    ['sport/#', 'sport/', true],
    ['sport/+', 'sport', false],
    ['sport/+', 'sport/', true],
    ['+/+', '/finance', true],
    ['/+', '/finance', true],
    ['+', '/finance', false],
    ['#', '$SYS/uptime', false],
    ['+/uptime', '$SYS/uptime', false],
    ['$SYS/#', '$SYS/uptime', true],
    ['$SYS/+', '$SYS/uptime', true],
    ['a/$b', 'a/$b', true],
    ['a/+', 'a/$b', true],
    ['a.c', 'abc', false],
    ['A', 'a', false],
    ['$share/g/a/+', 'a/b', true],
  ])('%s and %s: %s', (filter, topic, expected) => expect(topicMatches(filter, topic)).toBe(expected))

  it('knows valid filters and names from others', () => {
    for (const valid of ['#', '+', '/', '//', '+/+/#', 'a/+/b', '$SYS/#', '$share/g/#', '$share/g//', ' ']) {
      expect(topicFilterFault(valid), valid).toBeNull()
    }
    const wrong = ['', 'a#', '#/a', 'a/#/b', 'a+', '+a/b', '\u0000', '\ud800', 'a'.repeat(65_536)]
    wrong.push(
      '$share',
      '$share/',
      '$share/g',
      '$share/g/',
      '$share//a',
      '$share/g+/a',
      '$share/#/a',
      '$share/g/$share/h/a',
    )
    for (const filter of wrong) expect(topicFilterFault(filter), filter.slice(0, 20)).toBeTypeOf('string')
    for (const topic of ['', 'a/+', '#', '\u0000', '\udc00', 'ä'.repeat(32_768)]) {
      expect(topicNameFault(topic)).toBeTypeOf('string')
    }
    expect(topicNameFault('a'.repeat(65_535))).toBeNull()
  })

  it('covers nothing shared, and takes shared ones apart', () => {
    expect(filterCovers('#', '$share/g/a')).toBe(false)
    expect(filterCovers('$share/g/#', 'a')).toBe(false)
    expect(intersectFilters('#', '$share/g/a')).toBeNull()
    expect(parseShare('$share/g/a/b')).toEqual({ group: 'g', filter: 'a/b' })
    expect(parseShare('share/g/a')).toBeNull()
  })
})
