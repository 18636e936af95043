import { afterEach, beforeEach, describe, expect } from 'vitest'
import { bar } from '../../../scripts/bar.ts'
import { checkAccess } from './access-matrix.ts'
import { MosquittoProcess } from './mosquitto-process.ts'
import { reconcileMany } from './mosquitto-scale.ts'
import { revokeReaders } from './revocation.ts'
import { TestAuthority } from './test-authority.ts'

describe('a Mosquitto that the authority governs', () => {
  let mosquitto: MosquittoProcess
  let authority: TestAuthority | null = null
  beforeEach(async () => {
    mosquitto = await MosquittoProcess.start()
  })
  afterEach(async () => {
    await authority?.close()
    authority = null
    await mosquitto.end('SIGKILL')
  })
  const start = async () => {
    authority = await TestAuthority.withAdministrator({ broker: mosquitto.setting() })
    return authority
  }

  bar(6, 'With Mosquitto a revoked reader is delivered nothing: live, durable, queued, retained', async (count) =>
    revokeReaders(await start(), 52, count),
  )
  bar(7, 'Mosquitto allows what an independent oracle says, and the keys say the same', async (count) =>
    checkAccess(await start(), 12, count),
  )
  bar(7, '2,000 senders and 50 channels are brought to Mosquitto while the authority answers', async (count) => {
    const many = await reconcileMany(mosquitto, { senders: 2000, channels: 50, roles: 10 })
    authority = many.authority
    const { first, unchanged, answers } = many.times
    count('ms, an empty broker', Math.round(first))
    count('ms, an unchanged one', Math.round(unchanged))
    count('ms, the slowest of a hundred answers meanwhile', Math.round(answers))
    expect(first).toBeLessThan(30_000)
    expect(unchanged).toBeLessThan(3000)
    expect(answers).toBeLessThan(200)
  })
})
