import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonFaultLine } from '../src/json-fault.ts'

describe('jsonFaultLine', () => {
  it.each([
    ['', 1],
    ['\n\nx', 3],
    ['{\n"a": 1\n', 2],
    ['{\n"a": tru\n}', 2],
    ['{\n"a": 1,\n}', 3],
    ['{\n"a" 1\n}', 2],
    ['[\n1,\n2\n3\n]', 4],
    ['[\n1,,\n2]', 2],
    ['[\n01]', 2],
    ['{\n"a": "x\ny"}', 2],
    ['{\n"a": "\\x"}', 2],
    ['{\n"a": \'x\'}', 2],
    ['{"a": 1}\n}', 2],
    ['{\n"a": [1}\n]', 2],
    ['{} {}', 1],
  ])('%j: line %i', (text, line) => {
    expect(() => JSON.parse(text)).toThrow()
    expect(jsonFaultLine(text)).toBe(line)
  })

  it('finds a fault that is put anywhere between tokens, in its line', () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), (json, seed) => {
        const pretty = JSON.stringify(JSON.parse(json), null, 1).split('\n')
        const at = seed % pretty.length
        const text = [...pretty.slice(0, at), '@', ...pretty.slice(at)].join('\n')
        expect(jsonFaultLine(text)).toBe(at + 1)
      }),
    )
  })
})
