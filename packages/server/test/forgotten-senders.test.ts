import { fromBase64url, toBase64url, verifyDirectory } from '@sealmq/protocol'
import { type DeploymentInfo, routes, type SenderCreated } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { sweepInterval } from '../src/app.ts'
import { maximumEndedSenders } from '../src/identity/forget-senders.ts'
import { keepTime } from '../src/keys/epochs.ts'
import { ManualTimers } from './audit-records.ts'
import { onEachEngine } from './engines.ts'
import { SharedAuthority } from './shared-authority.ts'
import { at, type TestAuthority } from './test-authority.ts'

onEachEngine('an ended sender', (engine) => {
  const timers = new ManualTimers()
  const shared = new SharedAuthority(engine, { schedule: timers.schedule })
  let authority: TestAuthority
  let email: string
  let session: string
  let authorityKey: Uint8Array
  beforeAll(async () => {
    const { body } = await shared.authority.ask<DeploymentInfo>('GET', routes.deployment)
    authorityKey = fromBase64url(body.authorityKey)
  })
  beforeEach(async () => {
    authority = shared.authority
    email = await shared.newMember('viewer')
    session = await authority.logIn(email)
  })
  const enter = async (route: string = routes.sessionSenders, token = session) => {
    const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
    const request = { name: 'tab', algorithm: 'ES256', publicKey: toBase64url(publicKey) }
    const { status, body } = await authority.ask<SenderCreated>('POST', route, request, token)
    expect(status).toBe(201)
    return body
  }
  const end = ({ sender, token }: SenderCreated) => authority.ask('DELETE', at(routes.sender, sender), undefined, token)
  /** The senders that somebody is told of, by the authority's signature. */
  const listed = async (witness: SenderCreated) => {
    const { directory } = await authority.keyring(witness.token)
    const key = await nodeCryptography.importVerificationKey('ES256', authorityKey)
    const { senders } = await verifyDirectory(nodeCryptography, key, fromBase64url(directory))
    return new Map(senders.map((entry) => [entry.sender, entry]))
  }
  const rotateAll = async () => {
    for (const channel of ['admin', 'control', 'login', 'sensor'])
      expect((await authority.askAdmin('POST', at(routes.rotate, channel))).status).toBeLessThan(300)
  }
  const witnessed = async () => enter(routes.senders, authority.admin)

  it('stays in the directory while something of it can be opened, and then goes; its id never comes again', async () => {
    const witness = await witnessed()
    const sender = await enter()
    await authority.keyring(sender.token)
    await end(sender)
    // Past what receivers let a sender's clock be ahead of its end.
    shared.clock.move(5_001)
    await rotateAll()
    const second = await enter()
    await end(second)
    const entry = (await listed(witness)).get(sender.sender)
    expect(entry).toMatchObject({ endedAt: shared.clock.now() - 5_001, revokedAt: null })
    // Opened until then, by clients whose clock is right.
    shared.clock.move(keepTime)
    await shared.refreshAdministrator()
    timers.elapse(sweepInterval)
    expect((await listed(witness)).has(sender.sender)).toBe(true)
    shared.clock.move(1)
    await vi.waitFor(async () => {
      timers.elapse(sweepInterval)
      expect((await listed(witness)).has(sender.sender)).toBe(false)
    }, 20_000)
    // The present epoch began before its end.
    expect((await listed(witness)).has(second.sender)).toBe(true)
    const store = await authority.database()
    for (const table of ['given_epochs', 'spent_tokens'] as const) {
      expect(await store.selectFrom(table).select('sender').where('sender', '=', sender.sender).execute()).toEqual([])
    }
    session = await authority.logIn(email)
    const later = await enter()
    expect(later.sender).toBeGreaterThan(second.sender)
    expect((await authority.keyring(later.token)).sender).toBe(later.sender)
    // Its token is as one that never was.
    expect((await authority.ask('GET', routes.keyring, undefined, sender.token)).status).toBe(401)
  })

  it(`goes when ${maximumEndedSenders} later ones of its member have ended, and no other member’s does`, async () => {
    const witness = await witnessed()
    const other = await enter(routes.sessionSenders, await authority.logIn(await shared.newMember('viewer')))
    await end(other)
    const living = await enter()
    const ended: SenderCreated[] = []
    while (ended.length <= maximumEndedSenders) {
      // As if hours lay between.
      if (ended.length % 90 === 89)
        await (await authority.database()).updateTable('senders').set({ created_at: 0 }).execute()
      ended.push(await enter())
      await end(ended.at(-1)!)
    }
    await vi.waitFor(async () => {
      timers.elapse(sweepInterval)
      expect((await listed(witness)).has(ended[0]!.sender)).toBe(false)
    }, 20_000)
    const left = await listed(witness)
    for (const { sender } of [...ended.slice(1), other, living]) expect(left.has(sender)).toBe(true)
    expect((await authority.ask('GET', routes.keyring, undefined, living.token)).status).toBe(200)
    await shared.refreshAdministrator()
  })
})
