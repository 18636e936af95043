import type { VerificationReport } from '@sealmq/audit-log'
import { describe, expect, it } from 'vitest'
import { verdictLines } from '../src/audit-verdict.ts'

const report = (more: Partial<VerificationReport> = {}): VerificationReport => ({
  origin: 'sealmq/aa',
  key: 'sealmq/aa+key',
  from: 0,
  size: 1204,
  root: 'cm9vdA==',
  records: 1204,
  newestRecordTime: 0,
  proved: 1204,
  checkpointsHeld: 1,
  outside: [],
  remember: null,
  findings: [],
  moreFindings: 0,
  notes: [],
  moreNotes: 0,
  ...more,
})
const none = { rememberedSize: null, asItStands: new Map<number, string>() }
const where = { from: null, to: null, line: null }

describe('a verdict', () => {
  it('says what is whole, and with what it was compared', () => {
    const [first, ...others] = verdictLines(report(), none)
    expect(first).toBe(
      'The log of 1,204 records is whole: up to record 1203 nothing was changed, removed or put in between.',
    )
    expect(others.at(-1)).toBe('  agrees with 1 checkpoint of the log')
    const outside = [
      { size: 5, ok: true },
      { size: 6, ok: true },
      { size: 1, ok: null },
    ]
    expect(verdictLines(report({ outside, checkpointsHeld: 3 }), { ...none, rememberedSize: 1 }).at(-1)).toBe(
      '  agrees with 3 checkpoints of the log, 2 checkpoints from outside, what was seen last time (1 record)',
    )
  })

  it('claims no more than what is signed, of what is there', () => {
    const part = report({ from: 1000, proved: 1100 })
    const lines = verdictLines(part, { ...none, rememberedSize: 900 })
    expect(lines[0]).toBe(
      'The log from record 1000 on, 204 records, is proved in part: up to record 1099 nothing was changed, removed or put in between; for 104 records behind it nothing vouches.',
    )
    // What was seen last time is from before: nothing was compared with it.
    expect(lines.join()).not.toContain('last time')
    expect(verdictLines(report({ from: 7, size: 7, proved: null }), none)[0]).toContain('it holds nothing')
  })

  it('names each finding, and apart from them what is to be known', () => {
    const lines = verdictLines(
      report({
        findings: [
          { ...where, code: 'altered', from: 3, line: 5, message: 'Record 3 does not fit.' },
          { ...where, code: 'forked', message: 'Altered\u001b[2J within.' },
        ],
        moreFindings: 2,
        notes: [
          { ...where, code: 'key-unconfirmed', message: 'x' },
          { ...where, code: 'clock-back', message: 'The clock.' },
        ],
      }),
      { ...none, asItStands: new Map([[5, 'member.remove done by ada']]) },
    )
    expect(lines).toEqual([
      'NOT WHOLE. sealmq/aa, 1,204 records: 4 findings.',
      'ALTERED: Record 3 does not fit.',
      '  As it stands there: member.remove done by ada',
      'FORKED: Altered\\u001b[2J within.',
      '… and 2 findings more.',
      'Notes:',
      expect.stringContaining('--key'),
      '  The clock.',
    ])
  })
})
