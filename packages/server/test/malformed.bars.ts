import { afterEach, beforeEach, describe, expect } from 'vitest'
import { bar } from '../../../scripts/bar.ts'
import { AuthorityProcess } from './authority-process.ts'
import { dripSlowly, sendMalformed } from './malformed-packets.ts'
import { MalformedRequests } from './malformed-requests.ts'
import { PostgresCluster } from './postgres-cluster.ts'
import { freezeSubscribers } from './slow-consumers.ts'
import { TestAuthority } from './test-authority.ts'

const longest = 180_000

describe('the authority under malformed input', () => {
  let authority: TestAuthority<AuthorityProcess>
  const start = async (store: string | null = null) => {
    authority = await TestAuthority.startBy(AuthorityProcess.start, { store })
    await authority.setUp()
  }
  beforeEach(() => start())
  afterEach(() => authority.close())
  const bounded = async (work: () => Promise<void>) => {
    const before = authority.running.memory()
    await work()
    expect(authority.running.memory() - before).toBeLessThan(200 * 1024 * 1024)
    expect(await authority.askAdmin('GET', '/readyz')).toMatchObject({ status: 200 })
  }

  bar(16, 'Malformed MQTT packets end their own connection; the broker is healthy afterwards', (count) =>
    sendMalformed(authority, 20_000, performance.now() + longest, count),
  )
  bar(16, 'Slow-dripped packets are ended, and hold up nobody', (count) => dripSlowly(authority, 100, count))
  bar(16, 'Bodies of 10 MB to every route are refused, in bounded memory', (count) =>
    bounded(() => new MalformedRequests(authority, count).largeBodies(10_000_000)),
  )
  bar(
    16,
    'Wrong types, documents and ids to every route: a typed refusal, never a failure; on both stores',
    async (count) => {
      await bounded(() => new MalformedRequests(authority, count).wrongTypes())
      const cluster = await PostgresCluster.start()
      try {
        await authority.close()
        await start(await cluster.createDatabase())
        await bounded(() => new MalformedRequests(authority, count).wrongTypes())
      } finally {
        await authority.close()
        await cluster.stop()
      }
    },
  )
  bar(17, 'Frozen subscribers are dropped; the others get every message, in bounded memory', (count) =>
    freezeSubscribers(authority, 50, 1_000, count),
  )
})
