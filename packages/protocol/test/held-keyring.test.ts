import { HeldKeyring, KeyringError, keyringErrorCodes, toBase64url } from '@sealmq/protocol'
import type { Keyring } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { beforeEach, describe, expect, it } from 'vitest'
import { TestDeployment, type TestSender } from './deployment.ts'

let deployment: TestDeployment
let reader: TestSender
let keyring: HeldKeyring
let first: Keyring
/** How often the keyring was told to be read anew. */
let lost = 0

const newKeyring = (remembered?: ReturnType<HeldKeyring['numbers']>) =>
  new HeldKeyring({
    cryptography: nodeCryptography,
    deployment: deployment.id,
    authorityKey: deployment.authorityKey.publicKey,
    sender: reader.sender,
    monotonic: () => deployment.time - deployment.slept,
    wallClock: () => deployment.time,
    clockLost: () => lost++,
    remembered,
  })
async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action()
    return 'taken over'
  } catch (error) {
    if (error instanceof KeyringError) return error.code
    throw error
  }
}

beforeEach(async () => {
  deployment = await TestDeployment.create(nodeCryptography)
  reader = await deployment.addSender(['reader'])
  keyring = newKeyring()
  first = await deployment.keyringOf(reader)
  await keyring.apply(first)
  deployment.revision++
})

describe('a keyring', () => {
  it('is not there before the first one', () => {
    const none = newKeyring()
    expect(() => none.now()).toThrow(keyringErrorCodes['clock-unknown'])
    expect(none.rights()).toEqual([])
    expect(none.revision).toBe(-1)
  })

  it('says whether something changed, and which channels are gone', async () => {
    expect(await keyring.apply(first)).toEqual({ changed: false, removedChannels: [] })
    const next = await deployment.keyringOf(reader)
    expect(await keyring.apply(next)).toEqual({ changed: true, removedChannels: [] })
    expect(await keyring.apply({ ...next, channels: [] })).toEqual({ changed: false, removedChannels: ['plant'] })
    expect(keyring.channelOf('plant/pump')).toBeNull()
  })

  it('refuses numbers that go back, also after a restart and while the channel was not held', async () => {
    const later = await deployment.keyringOf(reader)
    await keyring.apply(later)
    expect(await codeOf(() => keyring.apply(first))).toBe('rollback')
    expect(await codeOf(() => keyring.apply({ ...later, directory: first.directory }))).toBe('rollback')
    expect(await codeOf(() => keyring.apply({ ...later, channels: first.channels }))).toBe('rollback')
    await keyring.apply({ ...later, channels: [] })
    expect(await codeOf(() => keyring.apply({ ...later, channels: first.channels }))).toBe('rollback')
    const restarted = newKeyring(JSON.parse(JSON.stringify(keyring.numbers())))
    expect(await codeOf(() => restarted.apply(first))).toBe('rollback')
    expect(await codeOf(() => restarted.apply(later))).toBe('taken over')
  })

  it('refuses another authority, another deployment and keys that do not fit, and then changes nothing', async () => {
    const before = { numbers: keyring.numbers(), rights: keyring.rights(), held: keyring.channelOf('plant/pump') }
    const next = await deployment.keyringOf(reader)
    const stranger = await TestDeployment.create(nodeCryptography)
    await stranger.addSender(['reader'])
    const theirs = await stranger.keyringOf(reader)
    expect(await codeOf(() => keyring.apply(theirs))).toBe('authority-signature')
    stranger.authorityKey = deployment.authorityKey
    stranger.revision = 100
    expect(await codeOf(async () => keyring.apply(await stranger.keyringOf(reader)))).toBe('wrong-deployment')
    const [channel] = next.channels
    const wrongKey = [{ epoch: 1000, epochKey: toBase64url(new Uint8Array(32)) }]
    const wrongLength = [{ epoch: 1000, epochKey: toBase64url(new Uint8Array(31)) }]
    expect(await codeOf(() => keyring.apply({ ...next, channels: [{ ...channel!, keys: wrongKey }] }))).toBe(
      'key-check',
    )
    const short = { ...next, channels: [{ ...channel!, keys: wrongLength }] }
    expect(await codeOf(() => keyring.apply(short))).toBe('malformed')
    expect({ numbers: keyring.numbers(), rights: keyring.rights(), held: keyring.channelOf('plant/pump') }).toEqual(
      before,
    )
    expect(keyring.channelOf('plant/pump')).toBe(before.held)
  })

  it('refuses answers that are no keyring', async () => {
    const next = await deployment.keyringOf(reader)
    const wrong = [
      { time: Number.NaN },
      { time: undefined },
      { time: '1800000000000' },
      { revision: null },
      { directory: 'not base64url!' },
      { directory: 5 },
      { directory: '' },
      { channels: {} },
      { channels: [{ ...next.channels[0], keys: undefined }] },
      { channels: [{ ...next.channels[0], manifest: next.directory.slice(0, -4) }] },
      { sender: 99 },
    ]
    for (const change of wrong) {
      const answer = { ...next, ...change } as unknown as Keyring
      expect(await codeOf(() => keyring.apply(answer)), JSON.stringify(change)).toBe('malformed')
    }
  })

  it('takes half of the way of an answer as its age', async () => {
    const next = { ...(await deployment.keyringOf(reader)), time: 5_000_000 }
    await keyring.apply(next, { askedAt: deployment.time - 400, answeredAt: deployment.time })
    expect(keyring.now()).toBe(5_000_200)
    deployment.time += 1000
    expect(keyring.now()).toBe(5_001_200)
  })

  it('does not know the time after the machine slept, until it is applied anew', async () => {
    lost = 0
    const sleep = (ms: number) => {
      deployment.time += ms
      deployment.slept += ms
    }
    sleep(4_000)
    expect(keyring.now()).toBe(first.time)
    sleep(2_000)
    expect(() => keyring.now()).toThrow(keyringErrorCodes['clock-unknown'])
    expect([keyring.isTimeKnown, lost, keyring.clockJumps]).toEqual([false, 1, 1])
    await keyring.apply({ ...(await deployment.keyringOf(reader)), time: deployment.time })
    expect([keyring.isTimeKnown, keyring.now()]).toEqual([true, deployment.time])
    deployment.time += 86_400_000
    expect(keyring.now()).toBe(deployment.time)
  })

  it('does not take the time of an answer over that came before a sleep', async () => {
    const monotonic = () => deployment.time - deployment.slept
    const asked = { askedAt: monotonic(), clockDifference: keyring.clockDifference() }
    const answer = await deployment.keyringOf(reader)
    deployment.time += 28_800_000
    deployment.slept += 28_800_000
    await keyring.apply(answer, { ...asked, answeredAt: monotonic() })
    expect(await codeOf(() => keyring.now())).toBe('clock-unknown')
  })

  it('knows rights by the roles that the authority signed, not by what stands beside', async () => {
    const next = await deployment.keyringOf(reader)
    const boasting = { ...next, channels: next.channels.map((channel) => ({ ...channel, publish: true })) }
    await keyring.apply(boasting)
    expect(keyring.rights()).toEqual([{ channel: 'plant', filters: ['plant/#'], publish: false, subscribe: true }])
  })

  it('forgets everything when told', () => {
    keyring.clear()
    expect(keyring.rights()).toEqual([])
    expect(keyring.channelOf('plant/pump')).toBeNull()
    expect(keyring.numbers().directory).toBeGreaterThan(0)
  })
})
