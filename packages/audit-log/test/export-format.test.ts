import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { checkpointLine, headLine, linesOf, maximumLineLength, parseLine, recordLine } from '../src/index.ts'
import { leafOf } from './sample-log.ts'

const refusal = expect.objectContaining({ name: 'AuditLogError', code: 'malformed' })

async function split(...chunks: (string | Uint8Array)[]): Promise<string[]> {
  return Array.fromAsync(linesOf(chunks.map((chunk) => (typeof chunk === 'string' ? Buffer.from(chunk) : chunk))))
}

describe('the lines of an export', () => {
  it('are read as they were written', () => {
    const head = { origin: 'sealmq/00', key: 'k', from: 0, size: 3, checkpoints: 1 }
    expect(headLine(head)).toBe(
      '{"format":"sealmq-audit-1","origin":"sealmq/00","key":"k","from":0,"size":3,"checkpoints":1}',
    )
    expect(parseLine(headLine(head))).toEqual({ kind: 'head', ...head })
    const later = { ...head, from: 1, edge: new Uint8Array(32).fill(7) }
    expect(parseLine(headLine(later))).toEqual({ kind: 'head', ...later })
    expect(parseLine(checkpointLine('a\n', 5))).toEqual({ kind: 'checkpoint', note: 'a\n', time: 5 })
  })

  it('hold a record byte for byte, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 60 }), (text) => {
        const hash = leafOf(text)
        expect(parseLine(recordLine(hash, text))).toEqual({
          kind: 'record',
          hash: Buffer.from(hash).toString('hex'),
          text,
        })
      }),
    )
  })

  const hash = 'a'.repeat(64)
  it.each([
    '',
    '{}',
    '[]',
    'null',
    '{',
    `{"hash":"${hash.slice(1)}","record":{}}`,
    `{"hash":"${hash.toUpperCase()}","record":{}}`,
    `{"hash":"${hash}","record":{}`.slice(0, -1),
    `{"hash":"${hash}", "record":{}}`,
    '{"checkpoint":1,"time":1}',
    '{"checkpoint":"","time":-1}',
    '{"format":"sealmq-audit-2","origin":"a","key":"k","from":0,"size":3,"checkpoints":1}',
    '{"format":"sealmq-audit-1","origin":"a\\u001b","key":"k","from":0,"size":3,"checkpoints":1}',
    '{"format":"sealmq-audit-1","origin":"a","key":"k","from":4,"size":3,"checkpoints":1}',
    '{"format":"sealmq-audit-1","origin":"a","key":"k","from":1,"size":3,"checkpoints":1}',
    '{"format":"sealmq-audit-1","origin":"a","key":"k","from":1,"size":3,"checkpoints":1,"edge":"?"}',
    `{"checkpoint":"${'x'.repeat(maximumLineLength)}","time":1}`,
  ])('that are none are refused: %.80s', (line) => {
    expect(() => parseLine(line)).toThrow(refusal)
  })
})

describe('bytes', () => {
  it('are cut into the same lines wherever their chunks end', async () => {
    const text = Buffer.from('erste — Zeile\n\nzweite\r\nletzte')
    for (let first = 0; first <= text.length; first++)
      for (let second = first; second <= text.length; second++)
        expect(await split(text.subarray(0, first), text.subarray(first, second), text.subarray(second))).toEqual([
          'erste — Zeile',
          '',
          'zweite',
          'letzte',
        ])
    expect(await split('a\n')).toEqual(['a'])
    expect(await split()).toEqual([])
  })

  it('that are no UTF-8 or no end of a line come out as a line that is none', async () => {
    expect(await split('a\n', Uint8Array.of(0x78, 0xff), '\nb')).toEqual(['a', '\ufffd', 'b'])
    const endless = Array.from({ length: 8 }, () => 'x'.repeat(1024 * 1024))
    expect(await split('a\n', ...endless, '\nb')).toEqual(['a', '\ufffd', 'b'])
    expect(() => parseLine('\ufffd')).toThrow(refusal)
  })
})
