import { describe, expect, it } from 'vitest'
import { type FilterFlags, queryOf, readFilter } from '../src/audit-filter.ts'

const now = Date.parse('2026-11-25T12:00:00Z')
const read = (flags: FilterFlags) => readFilter(flags, now)

describe('filters of audit records', () => {
  it('asks for what was given and nothing else', () => {
    expect(read({})).toEqual({})
    const flags = { since: '2h', until: '1h', actor: 'a@b.c', action: 'login.try', channel: 'x & y' } as const
    const filter = read({ ...flags, result: 'refused' })
    expect(filter).toEqual({
      ...flags,
      since: now - 7_200_000,
      until: now - 3_600_000,
      result: 'refused',
    })
    expect(queryOf({ channel: filter.channel!, from: 0, limit: 10 })).toBe('channel=x+%26+y&from=0&limit=10')
  })

  it.each(['member', 'member.*', 'member.remove', ' Member.Remove '])('takes the action %j', (action) => {
    expect(read({ action }).action).toBe(action.trim().toLowerCase())
  })

  it.each([
    ['member.delete', /Did you mean .*member\.remove/],
    ['mebmer.remove', /Did you mean member\.remove/],
    ['membr', /Did you mean member\?/],
    ['lock', /Did you mean .*login\.lock.*member\.lock|Did you mean .*member\.lock.*login\.lock/],
    ['clock-back', /authority\.clock-back/],
    ['xyzzyxyzzy.*', /Those that there are: authority\.\*, .*message\.\*\./],
    ['', /no action is called/i],
  ])('says what %j may have meant', (action, message) => {
    expect(() => read({ action })).toThrow(
      expect.objectContaining({ code: 'unknown-action', exitCode: 2, message: expect.stringMatching(message) }),
    )
  })

  it('refuses times the wrong way round', () => {
    expect(() => read({ since: '1h', until: '2h' })).toThrow(expect.objectContaining({ code: 'usage' }))
    expect(() => read({ since: '1h', until: '1h' })).toThrow(expect.objectContaining({ code: 'usage' }))
  })
})
