import { topicMatches, topicNameFault } from '@sealmq/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { applyTemplate, capture, parseTemplate, type TopicTemplate } from '../src/rules/topic-template.ts'

const template = (text: string, from: string) => {
  const parsed = parseTemplate(text, from)
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}
const mapped = (from: string, to: string, topic: string) => applyTemplate(template(to, from), capture(from, topic))

const level = fc.oneof(
  fc.constantFrom('', 'a', 'b', '$x', '{1}', 'ä'),
  fc.string({ maxLength: 4 }).filter((text) => !/[+#/\0]/.test(text) && text.isWellFormed()),
)
const filterLevel = fc.oneof(level, fc.constant('+'))
/** A filter and a topic that it matches. */
const matching = fc
  .tuple(
    fc.array(filterLevel, { minLength: 1, maxLength: 5 }),
    fc.array(level, { minLength: 5, maxLength: 5 }),
    fc.option(fc.array(level, { maxLength: 3 }), { nil: null }),
  )
  .map(([levels, filling, rest]) => ({
    from: [...levels, ...(rest === null ? [] : ['#'])].join('/'),
    topic: [...levels.map((each, index) => (each === '+' ? filling[index]! : each)), ...(rest ?? [])].join('/'),
  }))
  .filter(({ from, topic }) => topic !== '' && from !== '' && topicMatches(from, topic))

describe('a topic made by a rule', () => {
  it.each([
    ['m/+/values/#', 'plant/{1}/{#}', 'm/press/values/a/b', 'plant/press/a/b'],
    ['m/+/+', 'plant/{2}/{1}', 'm/a/b', 'plant/b/a'],
    ['m/#', 'plant/{#}', 'm', 'plant'],
    ['#', 'plant/{#}', 'a/b', 'plant/a/b'],
    ['a', 'b', 'a', 'b'],
    ['m/+', 'plant/{1}', 'm/', 'plant/'],
    ['m/+', '{1}', 'm/', null],
    ['m/+', '{1}', 'm/$SYS', null],
  ])('from %s to %s: %s becomes %s', (from, to, topic, wanted) => {
    expect(mapped(from, to, topic)).toBe(wanted)
  })

  it('is never longer than MQTT allows', () => {
    expect(mapped('#', 'plant/{#}', 'x'.repeat(65_535))).toBeNull()
  })

  it('is the topic again when it takes all levels as they are', () => {
    fc.assert(
      fc.property(matching, ({ from, topic }) => {
        let single = 0
        const to = from.split('/').map((each) => (each === '+' ? `{${++single}}` : each === '#' ? '{#}' : each))
        const parsed = parseTemplate(to.join('/'), from)
        // Levels such as {1} in the filter itself stand for something else in a template.
        if (typeof parsed === 'string' || from.includes('{')) return
        expect(applyTemplate(parsed, capture(from, topic))).toBe(topic.startsWith('$') ? null : topic)
      }),
    )
  })

  it('is a topic name that lies in the filter of its template', () => {
    const to = fc.array(fc.constantFrom('a', '{1}', '{2}', 'b'), { minLength: 1, maxLength: 4 })
    fc.assert(
      fc.property(matching, to, fc.boolean(), ({ from, topic }, levels, rest) => {
        const parsed = parseTemplate([...levels, ...(rest ? ['{#}'] : [])].join('/'), from)
        if (typeof parsed === 'string') return
        const result = applyTemplate(parsed as TopicTemplate, capture(from, topic))
        if (result === null) return
        expect(topicNameFault(result)).toBeNull()
        expect(topicMatches(parsed.filter, result)).toBe(true)
      }),
    )
  })

  it('of any text is a template or a sentence', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom('{', '}', '#', '+', '/', '1', 'a') })),
        (text) => {
          const parsed = parseTemplate(text, 'm/+/#')
          if (typeof parsed !== 'string') expect(parsed.parts.length).toBeGreaterThan(0)
        },
      ),
    )
  })
})
