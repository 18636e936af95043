import { describe, expect, it } from 'vitest'
import { differenceOf, hexOf } from '../src/subscriber/bytes-shown.ts'
import { treeOf } from '../src/subscriber/tree-of.ts'
import { csvOf, jsonLinesOf } from '../src/worker/export.ts'
import type { Kept } from '../src/worker/message-store.ts'

const encoder = new TextEncoder()
const kept = (payload: Uint8Array | null, sender = 'Pump'): Kept =>
  ({
    row: {
      topic: 'a',
      trust: 'sender',
      receivedAt: 0,
      sealedAt: 0,
      sender,
      late: false,
      retained: false,
      epoch: 1,
      code: null,
      preview: 'p',
    },
    payload,
  }) as Kept

describe('files of messages', () => {
  it('keep quotes, line ends and bytes that are no text', () => {
    expect(csvOf([kept(encoder.encode('say "hi",\nthen go'))])).toContain('text,"say ""hi"",\nthen go"\r\n')
    expect(JSON.parse(jsonLinesOf([kept(new Uint8Array([0xff, 0x00]))]))).toMatchObject({
      encoding: 'base64',
      payload: '/wA=',
    })
  })

  it('hold nothing that a spreadsheet would run', () => {
    for (const formula of ['=1+1', '+cmd', '@SUM(A1)', '-2+3+cmd', '\t=1']) {
      const line = csvOf([kept(encoder.encode(formula), formula)]).split('\r\n')[1]!
      expect(line, formula).toMatch(/^[^,]*,a,"?'/)
      expect(line, formula).toMatch(/text,"?'/)
    }
    expect(csvOf([kept(encoder.encode('-21.5'))])).toContain('text,-21.5')
  })
})

describe('what a drawer shows', () => {
  it('is hexadecimal with what is ASCII of it', () => {
    expect(hexOf(encoder.encode('SealMQ, sealed\u0000!!'))).toBe(
      `000000  53 65 61 6c 4d 51 2c 20 73 65 61 6c 65 64 00 21  SealMQ, sealed.!\n000010  21${' '.repeat(45)}  !`,
    )
  })

  it('differs by lines, and by fields of JSON', () => {
    const lines = differenceOf(encoder.encode('{"a":1,"b":2}'), encoder.encode('{"a":1,"b":3}'))
    expect(lines.filter(({ change }) => change !== ' ')).toEqual([
      { change: '-', line: '  "b": 2' },
      { change: '+', line: '  "b": 3' },
    ])
  })

  it('gives both texts back, whatever they are', () => {
    for (const [before, after] of [
      ['', 'x'],
      ['a\nb\nc', 'b\nc\nd'],
      ['a\n'.repeat(500), 'a\n'.repeat(499)],
      ['same', 'same'],
    ] as const) {
      const lines = differenceOf(encoder.encode(before), encoder.encode(after))
      const side = (other: '+' | '-') =>
        lines
          .filter(({ change }) => change !== other)
          .map(({ line }) => line)
          .join('\n')
      expect([side('+'), side('-')]).toEqual([before, after])
    }
  })
})

describe('the tree of topics', () => {
  it('adds up what is below, and knows topics with empty levels', () => {
    const one = (topic: string, messages: number) => ({ topic, messages, rejected: 1, letGo: 0, last: null })
    const tree = treeOf([one('iot/b', 2), one('iot', 1), one('iot/a', 3), one('/x', 1)])
    expect(tree.map(({ path, messages }) => [path, messages])).toEqual([
      ['', 1],
      ['iot', 6],
    ])
    expect(tree[1]!.children.map(({ label, rejected }) => [label, rejected])).toEqual([
      ['a', 1],
      ['b', 1],
    ])
    expect(tree[0]!.children[0]!.path).toBe('/x')
  })
})
