import { afterEach, beforeEach, describe } from 'vitest'
import { bar } from '../../../scripts/bar.ts'
import { endSessions } from './sessions.ts'
import { TestAuthority } from './test-authority.ts'

describe('sessions', () => {
  let authority: TestAuthority
  beforeEach(async () => {
    authority = await TestAuthority.withAdministrator()
  })
  afterEach(() => authority.close())

  bar(13, 'Sessions are 256 random bits, stored hashed, and die with what they stand on', (count) =>
    endSessions(authority, 100, count),
  )
})
