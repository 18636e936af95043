import { describe, expect, it } from 'vitest'
import { type EnvelopeFormat, maximumLineLength, readEnvelopeLine } from '../src/envelope-line.ts'

const read = (line: string | Uint8Array, format: EnvelopeFormat = '%t %x', topic = '') =>
  readEnvelopeLine(typeof line === 'string' ? Buffer.from(line) : line, format, topic)

describe('a line of mosquitto_sub', () => {
  it('is topic and envelope; a topic may hold blanks', () => {
    expect(read('a b/ü d083')).toEqual({ topic: 'a b/ü', envelope: Uint8Array.of(0xd0, 0x83), retained: false })
    expect(read('a D083')).toMatchObject({ envelope: Uint8Array.of(0xd0, 0x83) })
    expect(read('1 a d0', '%r %t %x')).toMatchObject({ topic: 'a', retained: true })
    expect(read('0 1 a d0', '%r %t %x')).toMatchObject({ topic: '1 a', retained: false })
    expect(read('d0', '%x', 'of all')).toMatchObject({ topic: 'of all', retained: false })
    expect(read('1 d0', '%r %x', 'of all')).toMatchObject({ topic: 'of all', retained: true })
  })

  it('without payload has nothing to open', () => {
    expect(read('a ')).toMatchObject({ topic: 'a', envelope: new Uint8Array() })
    expect(read('', '%x', 'a')).toMatchObject({ envelope: new Uint8Array() })
  })

  it('is told to be none when it is something else', () => {
    for (const line of ['', ' ', 'a', 'd083', 'a d08', 'a d0 x', 'a xyz', ' d0', '# d0', 'a/+ d0', 'a\0b d0']) {
      expect(read(line), JSON.stringify(line)).toEqual(expect.any(String))
    }
    for (const line of ['2 a d0', 'a d0', '1 d0', '1a d0'])
      expect(read(line, '%r %t %x'), line).toEqual(expect.any(String))
    expect(read('a d0', '%x', 'a')).toEqual(expect.any(String))
    expect(read(Buffer.from('a\xff d0', 'latin1'))).toContain('UTF-8')
    expect(read(Buffer.alloc(maximumLineLength + 1, '0'))).toContain('longer')
  })
})
