import { existsSync, readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { legacyFormat } from '../src/formats/legacy.ts'
import { FormatError } from '../src/formats/payload-format.ts'

interface Row {
  plaintext: string
  aesKey: string
  hmacKey: string
  payload: string
  valid: boolean
  why?: string
}
const rows = JSON.parse(readFileSync(new URL('original-messages.json', import.meta.url), 'utf8')) as Row[]
const formatOf = ({ aesKey, hmacKey }: Pick<Row, 'aesKey' | 'hmacKey'>) =>
  legacyFormat({ aes: Buffer.from(aesKey, 'base64'), hmac: Buffer.from(hmacKey, 'base64') })
const bytes = (text: string) => Buffer.from(text, 'latin1')
const format = formatOf(rows[0]!)

describe("the original's payloads", () => {
  it.each(rows.filter(({ valid }) => valid))('open: $plaintext', (row) => {
    expect(Buffer.from(formatOf(row).fromMachine(bytes(row.payload), 't')).toString()).toBe(row.plaintext)
  })

  it.each(rows.filter(({ valid }) => !valid))('are refused: $why', (row) => {
    expect(() => formatOf(row).fromMachine(bytes(row.payload), 't')).toThrow(FormatError)
  })

  it('are written as the original writes them', () => {
    for (const row of rows.filter(({ valid }) => valid)) {
      const keys = { aes: Buffer.from(row.aesKey, 'base64'), hmac: Buffer.from(row.hmacKey, 'base64') }
      const iv = Buffer.from(row.payload, 'base64').subarray(0, 16)
      expect(Buffer.from(legacyFormat(keys, () => iv).toMachine(Buffer.from(row.plaintext), 't')).toString()).toBe(
        row.payload,
      )
    }
  })

  it('have a fresh iv each, and open again', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (plaintext) => {
        const [one, other] = [format.toMachine(plaintext, 't'), format.toMachine(plaintext, 't')]
        expect(Buffer.compare(one, other)).not.toBe(0)
        expect([...format.fromMachine(one, 't')]).toEqual([...plaintext])
      }),
    )
  })

  it('are refused when any byte is another, and when they are cut', () => {
    const payload = Buffer.from(format.toMachine(Buffer.from('open the valve'), 't'))
    for (let index = 0; index < payload.length; index++) {
      for (const other of [payload[index]! ^ 1, 0x41, 0x3d, 0]) {
        if (other === payload[index]) continue
        const altered = Buffer.from(payload)
        altered[index] = other
        expect(() => format.fromMachine(altered, 't')).toThrow(FormatError)
      }
      expect(() => format.fromMachine(payload.subarray(0, index), 't')).toThrow(FormatError)
    }
  })

  it('of any bytes are refused with a typed error', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.base64String({ maxLength: 300 }).map(bytes)),
        (payload) => {
          expect(() => format.fromMachine(payload, 't')).toThrow(FormatError)
        },
      ),
    )
  })
})

describe('the rows', () => {
  it('are those of the original system', () => {
    expect(rows.filter(({ valid }) => valid).length).toBeGreaterThanOrEqual(7)
    expect(existsSync(new URL('original-messages.json', import.meta.url))).toBe(true)
  })
})
