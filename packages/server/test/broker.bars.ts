import { afterEach, beforeEach, describe } from 'vitest'
import { bar } from '../../../scripts/bar.ts'
import { checkAccess } from './access-matrix.ts'
import { revokeReaders } from './revocation.ts'
import { TestAuthority } from './test-authority.ts'

describe('the embedded broker', () => {
  let authority: TestAuthority
  beforeEach(async () => {
    authority = await TestAuthority.withAdministrator()
  })
  afterEach(() => authority.close())

  bar(6, 'With an honest broker a revoked reader is delivered nothing: live, durable, queued, retained', (count) =>
    revokeReaders(authority, 52, count),
  )
  bar(7, 'The broker allows what an independent oracle says, and the keys say the same', (count) =>
    checkAccess(authority, 12, count),
  )
})
