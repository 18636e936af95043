import { expect, it } from 'vitest'
import { requireBeginning } from '../src/audit-client.ts'

it('takes an export only from where it was asked for, or from the end of a log that is shorter', () => {
  requireBeginning({ from: 0, size: 10 }, 0)
  requireBeginning({ from: 4, size: 10 }, 4)
  requireBeginning({ from: 10, size: 10 }, 400)
  for (const [given, asked] of [
    [5, 0],
    [10, 0],
    [3, 4],
    [5, 4],
  ] as const)
    expect(() => requireBeginning({ from: given, size: 10 }, asked)).toThrow(
      expect.objectContaining({ code: 'incomplete', exitCode: 7 }),
    )
})
