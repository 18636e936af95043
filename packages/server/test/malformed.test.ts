import { afterEach, beforeEach, describe, it } from 'vitest'
import { uncounted } from '../../../scripts/bar.ts'
import { AuthorityProcess } from './authority-process.ts'
import { sendMalformed } from './malformed-packets.ts'
import { MalformedRequests } from './malformed-requests.ts'
import { freezeSubscribers } from './slow-consumers.ts'
import { TestAuthority } from './test-authority.ts'

describe('the authority', () => {
  let authority: TestAuthority<AuthorityProcess>
  beforeEach(async () => {
    authority = await TestAuthority.startBy(AuthorityProcess.start)
    await authority.setUp()
  })
  afterEach(() => authority.close())

  it('lives through malformed packets', () => sendMalformed(authority, 280, Number.POSITIVE_INFINITY, uncounted))

  it('refuses wrong requests and large bodies with a code on every route', async () => {
    const requests = new MalformedRequests(authority, uncounted)
    await requests.wrongTypes()
    await requests.largeBodies(1_000_000)
  })

  it('drops consumers that take nothing; the others get every message', () =>
    freezeSubscribers(authority, 3, 120, uncounted))
})
