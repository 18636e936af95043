import { describe, expect, it } from 'vitest'
import { linesOf } from '../src/lines.ts'

async function* chunksOf(...texts: string[]): AsyncIterable<Buffer> {
  for (const text of texts) yield Buffer.from(text, 'latin1')
}
async function read(maximum: number | undefined, ...texts: string[]): Promise<string[]> {
  const lines: string[] = []
  for await (const line of linesOf(chunksOf(...texts), maximum)) lines.push(Buffer.from(line).toString('latin1'))
  return lines
}

describe('lines of a stream', () => {
  it('are the same however it comes in parts, with either end and without the last one', async () => {
    const text = 'one\r\n\ntwo\n\xff\x00\r\r\nlast'
    const lines = ['one', '', 'two', '\xff\x00\r', 'last']
    expect(await read(undefined, text)).toEqual(lines)
    expect(await read(undefined, ...text)).toEqual(lines)
    expect(await read(undefined, '')).toEqual([])
  })

  it('are cut to one byte more than the longest, and those behind are whole', async () => {
    const text = `${'x'.repeat(50)}\nabcd\r\nabcde\r\nnext\n`
    for (const parts of [[text], [...text]]) {
      expect(await read(4, ...parts)).toEqual(['xxxxx', 'abcd', 'abcde', 'next'])
    }
  })
})
