import type { AuditRecordInfo } from '@sealmq/protocol/api'
import { beforeAll, describe, expect, it } from 'vitest'
import { AuditTable, whoOf } from '../src/audit-table.ts'

const actor = { kind: 'member', member: 'id-1', sender: null, name: 'ada@plant.example', roles: ['admin'] }

const record = (position: number, more: object = {}): AuditRecordInfo =>
  ({
    position,
    time: Date.parse('2026-11-25T03:04:05Z'),
    action: 'member.remove',
    result: 'done',
    code: null,
    actor,
    address: '10.0.0.1',
    request: 'request-1',
    on: { kind: 'member', id: 'id-2', name: 'anna@plant.example' },
    channel: null,
    detail: { senders: [2], reason: 'left', text: 'two words' },
    ...more,
  }) as AuditRecordInfo

describe('records as a table', () => {
  beforeAll(() => {
    process.env.TZ = 'UTC'
  })

  it('has its head once, and columns of one width', () => {
    const table = new AuditTable(false)
    expect(table.add([])).toEqual([])
    expect(table.add([record(9), record(10, { on: null, address: null, channel: 'torque' })])).toEqual([
      'POSITION  LOCAL TIME           WHO                ACTION         ON                         CHANNEL  RESULT  ADDRESS',
      '9         2026-11-25 03:04:05  ada@plant.example  member.remove  member anna@plant.example  -        done    10.0.0.1',
      '10        2026-11-25 03:04:05  ada@plant.example  member.remove  -                          torque   done    -',
    ])
    expect(table.add([record(11, { result: 'refused', code: 'not-allowed' })])).toEqual([
      '11        2026-11-25 03:04:05  ada@plant.example  member.remove  member anna@plant.example  -        refused (not-allowed)  10.0.0.1',
    ])
  })

  it('shows all that a record says when it is wide', () => {
    expect(new AuditTable(true).add([record(1)]).at(-1)).toBe(
      '  roles=["admin"]  senders=[2]  reason=left  text="two words"  request=request-1',
    )
    const empty = record(1, { actor: { ...actor, roles: [] }, request: null, detail: {} })
    expect(new AuditTable(true).add([empty]).at(-1)).toBe('  -')
  })

  it('lets no record steer the terminal', () => {
    const evil = '\x1b[2J\u202eevil\nnew line\u009b1m'
    const lines = new AuditTable(true).add([
      record(1, { channel: evil, actor: { ...actor, name: evil }, detail: { [evil]: evil }, on: { kind: evil } }),
    ])
    expect(lines).toHaveLength(3)
    // biome-ignore lint/suspicious/noControlCharactersInRegex: those are looked for
    expect(lines.join('')).not.toMatch(/[\0-\x1f\x7f-\x9f\u202e]/)
    expect(lines[1]).toContain('\\u001b[2J\\u202eevil\\u000anew line\\u009b1m')
  })

  it.each([
    [{}, 'ada@plant.example'],
    [{ kind: 'sender', sender: 3 }, 'ada@plant.example (sender 3)'],
    [{ kind: 'sender', sender: 3, name: null, member: null }, 'sender 3'],
    [{ kind: 'sender', sender: 3, claimed: true }, 'ada@plant.example (sender 3), not proved'],
    [{ kind: 'member', name: null }, 'id-1'],
    [{ kind: 'system', name: null, member: null }, 'the authority'],
    [{ kind: 'stranger', name: null, member: null }, 'a stranger'],
    [{ kind: 'stranger', name: 'unknown:ab12', member: null }, 'a stranger as unknown:ab12'],
  ])('says who %j is', (more, text) => {
    expect(whoOf({ ...actor, ...more })).toBe(text)
  })
})
