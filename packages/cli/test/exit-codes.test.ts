import { AuthorityError } from '@sealmq/client'
import { expect, it } from 'vitest'
import { describeError } from '../src/exit-codes.ts'

it.each([
  [401, 'otp-required', 3],
  [401, 'wrong-code', 3],
  [403, 'step-up-required', 4],
  [403, 'not-approved', 4],
  [404, 'not-found', 1],
  [409, 'conflict', 1],
  [429, 'too-many-tries', 1],
])('a refusal %i %s ends with %i', (status, code, exitCode) => {
  expect(describeError(new AuthorityError(status, code, 'Why.'))).toEqual({ message: 'Why.', code, exitCode })
})
