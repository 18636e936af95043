import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { localTime, readMoment } from '../src/moments.ts'

const now = Date.parse('2026-11-25T12:00:00Z')
const read = (text: string) => readMoment(text, '--since', now)

describe('times that people give', () => {
  let zone: string | undefined
  beforeEach(() => {
    zone = process.env.TZ
    process.env.TZ = 'America/New_York'
  })
  afterEach(() => {
    if (zone === undefined) delete process.env.TZ
    else process.env.TZ = zone
  })

  it.each([
    ['90s', '2026-11-25T11:58:30.000Z'],
    ['15m', '2026-11-25T11:45:00.000Z'],
    ['2h', '2026-11-25T10:00:00.000Z'],
    ['7d', '2026-11-18T12:00:00.000Z'],
    ['4w', '2026-10-28T12:00:00.000Z'],
    ['0s', '2026-11-25T12:00:00.000Z'],
    ['2026-11-25T08:30Z', '2026-11-25T08:30:00.000Z'],
    ['2026-11-25T08:30:15.5z', '2026-11-25T08:30:15.500Z'],
    ['2026-11-25 08:30+01:00', '2026-11-25T07:30:00.000Z'],
    // Without a zone they are local, before and after the clocks change.
    ['2026-11-25T08:30', '2026-11-25T13:30:00.000Z'],
    ['2026-07-01T08:30', '2026-07-01T12:30:00.000Z'],
    ['2026-11-25', '2026-11-25T05:00:00.000Z'],
    ['2024-02-29', '2024-02-29T05:00:00.000Z'],
  ])('reads %s', (text, iso) => {
    expect(new Date(read(text)).toISOString()).toBe(iso)
  })

  it.each([
    '',
    'yesterday',
    '2',
    '-2h',
    '2 h',
    '2y',
    '1234567d',
    '99999w',
    '25.11.2026',
    '2026-02-30',
    '2026-13-01',
    '2026-11-25T25:00Z',
    '2026-11-25T08',
    '2026-11-25T08:30+1',
    '1969-12-31T00:00Z',
    '2026-11-25T08:30Z\n',
  ])('refuses %j', (text) => {
    expect(() => read(text)).toThrow(expect.objectContaining({ code: 'bad-time', exitCode: 2 }))
  })

  it('shows times of this zone', () => {
    expect(localTime(Date.parse('2026-11-25T03:04:05.999Z'))).toBe('2026-11-24 22:04:05')
    expect(localTime(Date.parse('2026-07-01T12:30:00Z'))).toBe('2026-07-01 08:30:00')
  })
})
