import { describe, expect, it } from 'vitest'
import { emptyDraft, payloadFault, propertiesOf, typedBytes, userPropertyFault } from '../src/publisher/draft.ts'
import { jsonFault } from '../src/publisher/json-fault.ts'
import { readTemplates, templateFile, templateLimits } from '../src/publisher/templates.ts'

describe('a draft', () => {
  it.each([
    ['{"a":1,}', 1, 8],
    ['{"a":a}', 1, 6],
    ['{\n  "a": 1\n  "b": 2\n}', 3, 3],
    ['[1, 2', 1, 6],
    ['[1] x', 1, 5],
    ['{"a" 1}', 1, 6],
    ['"no end', 1, 1],
    ['01', 1, 2],
    ['', 1, 1],
    ['[1,]', 1, 4],
    ['{"a":[}]', 1, 7],
    ['\u00a0{}', 1, 1],
  ])('tells where %j stops being JSON', (text, line, column) => {
    expect(jsonFault(text)).toEqual({ line, column })
  })

  it.each(['{}', '[]', ' {"a":[1,-2.5e+3,true,null,"\\u00e9\\n"],"b":{"c":{}}} ', '"x"', '0'])(
    'takes %j as JSON',
    (text) => {
      expect(jsonFault(text)).toBeNull()
    },
  )

  it('survives JSON that is very deep or very long', () => {
    expect(jsonFault('['.repeat(200_000))).toEqual({ line: 1, column: 200_001 })
    expect(jsonFault(`["${'x'.repeat(2_000_000)}"`)).toEqual({ line: 1, column: 2_000_004 })
  })

  it('reads hex in pairs, and guesses at nothing', () => {
    const of = (hex: string) => ({ ...emptyDraft, form: 'hex' as const, hex })
    expect([...typedBytes(of('00 fF\n7f'))]).toEqual([0, 255, 127])
    expect(payloadFault(of('00 f'))).toEqual({ form: 'hex', place: null })
    expect(payloadFault(of('00\n0x1'))).toEqual({ form: 'hex', place: { line: 2, column: 2 } })
    expect(payloadFault(of(''))).toBeNull()
  })

  it('keeps the values of a user property that comes twice', () => {
    const draft = { ...emptyDraft, userProperties: 'a=1\n\na=2=3\n__proto__=x', expiry: 5 }
    const properties = propertiesOf(draft)!
    expect(properties.messageExpiryInterval).toBe(5)
    expect(Object.entries(properties.userProperties!)).toEqual([
      ['a', ['1', '2=3']],
      ['__proto__', ['x']],
    ])
    expect(userPropertyFault('a=1\nb')).toBe(2)
    expect(userPropertyFault('=1')).toBe(1)
    expect(propertiesOf(emptyDraft)).toBeUndefined()
  })
})

describe('a file of templates', () => {
  const template = {
    name: 'valve',
    draft: { ...emptyDraft, topic: 'iot/control', text: '{"valve":50}', form: 'json' as const },
  }

  it('is read as it was written', () => {
    expect(readTemplates(templateFile([template]))).toEqual([template])
  })

  const changed = (change: object) => JSON.stringify({ sealmqTemplates: 1, templates: [{ ...template, ...change }] })
  it.each([
    ['no JSON', '{'],
    ['another file', '{"templates":[]}'],
    ['a list', '[]'],
    ['no name', changed({ name: ' ' })],
    ['a long name', changed({ name: 'x'.repeat(templateLimits.name + 1) })],
    ['a payload that is no text', changed({ draft: { ...template.draft, text: { toString: 'x' } } })],
    ['a QoS that does not exist', changed({ draft: { ...template.draft, qos: 3 } })],
    ['a form that does not exist', changed({ draft: { ...template.draft, form: 'file' } })],
    ['a time to live that is no number of seconds', changed({ draft: { ...template.draft, timeToLive: -1 } })],
    ['a field left out', JSON.stringify({ sealmqTemplates: 1, templates: [{ name: 'x', draft: { topic: 'a' } }] })],
    ['too many', JSON.stringify({ sealmqTemplates: 1, templates: Array(templateLimits.count + 1).fill(template) })],
  ])('is taken as a whole or not at all: %s', (_what, text) => {
    expect(readTemplates(text)).toBeNull()
  })

  it('brings nothing beside the fields of a draft', () => {
    const text = templateFile([template]).replace('"topic"', '"__proto__": {"polluted": 1}, "more": 1, "topic"')
    expect(readTemplates(text)).toEqual([template])
    expect('polluted' in {}).toBe(false)
  })
})
