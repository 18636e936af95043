import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type AuditRecord, auditActions, decodeRecord, encodeRecord } from '../src/index.ts'
import { alterationsOf } from './alterations.ts'
import { sampleRecord } from './sample-log.ts'

const textOrNull = fc.option(fc.string({ unit: 'binary' }))
const anyRecord: fc.Arbitrary<AuditRecord> = fc.record({
  position: fc.maxSafeNat(),
  time: fc.integer({ min: 0, max: 8.64e15 }),
  action: fc.constantFrom(...(Object.keys(auditActions) as (keyof typeof auditActions)[])),
  result: fc.constantFrom('done', 'refused'),
  code: textOrNull,
  actor: fc.record(
    {
      kind: fc.constantFrom('member', 'sender', 'system', 'stranger'),
      member: textOrNull,
      sender: fc.option(fc.maxSafeNat()),
      name: textOrNull,
      roles: fc.array(fc.string()),
      claimed: fc.constant(true as const),
    },
    { requiredKeys: ['kind', 'member', 'sender', 'name', 'roles'] },
  ),
  address: textOrNull,
  request: textOrNull,
  on: fc.option(fc.record({ kind: fc.constantFrom('member', 'route', 'log'), id: textOrNull, name: textOrNull })),
  channel: textOrNull,
  detail: fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })) as fc.Arbitrary<AuditRecord['detail']>,
})

describe('the line of a record', () => {
  it('has its fields in the order that is written down', () => {
    expect(encodeRecord(sampleRecord(0))).toBe(
      '{"position":0,"time":1767225600000,"action":"authority.start","result":"refused","code":"role-forbids",' +
        '"actor":{"kind":"sender","member":"m-0","sender":0,"name":"ann0","roles":["operator","viewer"],"claimed":true},' +
        '"address":null,"request":"r-0","on":{"kind":"channel","id":"c-0","name":"Halle \\"3\\"\\n"},"channel":"press/1",' +
        '"detail":{"epoch":0,"fields":["name","roles"],"wasLocked":false}}',
    )
  })

  it('does not depend on the order in which a record was put together', () => {
    const turned = Object.fromEntries(Object.entries(sampleRecord(1)).reverse()) as unknown as AuditRecord
    expect(encodeRecord(turned)).toBe(encodeRecord(sampleRecord(1)))
  })

  it('is read as it was written, in one line of well-formed text', () => {
    fc.assert(
      fc.property(anyRecord, (record) => {
        const text = encodeRecord(record)
        expect(text).not.toMatch(/[\r\n]/)
        expect(text.isWellFormed()).toBe(true)
        expect(encodeRecord(decodeRecord(text))).toBe(text)
      }),
    )
  })

  it('may hold fields, actions and kinds of targets of later versions', () => {
    const later = { ...sampleRecord(0), action: 'later.thing', more: 1, on: { kind: 'later', id: null, name: null } }
    expect(decodeRecord(JSON.stringify(later))).toMatchObject({ action: 'later.thing', on: { kind: 'later' } })
    expect(decodeRecord(JSON.stringify(later))).not.toHaveProperty('more')
  })

  it('is refused without any of its fields, and with one of another type', () => {
    const record = JSON.parse(encodeRecord(sampleRecord(0)))
    for (const field of Object.keys(record)) {
      const { [field]: _, ...without } = record
      expect(() => decodeRecord(JSON.stringify(without)), field).toThrow(expect.objectContaining({ code: 'malformed' }))
      expect(() => decodeRecord(JSON.stringify({ ...record, [field]: [true] })), field).toThrow(
        expect.objectContaining({ code: 'malformed' }),
      )
    }
  })

  it.each([
    'position":1.5',
    'position":-1',
    'position":9007199254740992',
    'time":8640000000000001',
    'action":"a.b\\u001b"',
  ])('is refused with %s', (field) => {
    const name = field.slice(0, field.indexOf('"'))
    const text = encodeRecord(sampleRecord(0)).replace(new RegExp(`${name}":[^,]+`), field)
    expect(() => decodeRecord(text)).toThrow(expect.objectContaining({ code: 'malformed' }))
  })

  it('is another one when any field is', () => {
    const text = encodeRecord(sampleRecord(0))
    const altered = alterationsOf(text)
    expect(altered.map(({ field }) => field)).toEqual(
      expect.arrayContaining(['position', 'actor.roles', 'actor.roles.1', 'on.name', 'detail', 'detail.fields.0']),
    )
    expect(new Set([text, ...altered.map((alteration) => alteration.text)]).size).toBe(altered.length + 1)
  })
})
