import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  type Cryptography,
  decodeEnvelope,
  decodeInner,
  fromHex,
  HeldKeyring,
  KeyringError,
  MessageOpener,
  MessageSealer,
  ReplayState,
  SealError,
  sealEnvelope,
  sealErrorCodes,
  toBase64url,
  toHex,
  topicAdditionalData,
} from '@sealmq/protocol'
import type { Keyring } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { webCryptography } from '@sealmq/protocol/webcrypto'
import { describe, expect, it } from 'vitest'

interface Expected {
  epoch: number
  sender: number
  session: string
  sequence: number
  sealedAt: number
  kind: string
  verified: string
  contentType: string | null
  distance: number
  timeToLive: number | null
  intent: string | null
  payload?: string
  payloadRepeat?: { byte: number; count: number }
}
interface MessageVector {
  name: string
  topic: string
  now: number
  retained: boolean
  envelope?: string
  envelopeHead?: string
  envelopeSha256?: string
  steps?: Record<string, string>
  expected: Expected
}
interface RefusalVector {
  name: string
  code: string
  envelope: string | null
  topic: string
  now: number
  retained: boolean
  shared: boolean
  before: string[]
  sender?: number
}
const read = (file: string) => JSON.parse(readFileSync(new URL(`../vectors/${file}`, import.meta.url), 'utf8'))
const { setup, messages, refusals } = read('messages.json') as {
  setup: {
    authorityKey: string
    deployment: string
    receiver: number
    manifest: string
    directory: string
    epochKeys: Record<string, string>
  }
  messages: MessageVector[]
  refusals: RefusalVector[]
}
const signed = read('signed-objects.json') as {
  objects: { kind: string; bytes: string; content: { channel: string } }[]
  refusals: { name: string; kind: string; bytes: string; code: string; remembered: number }[]
  publishing: {
    manifest: string
    directory: string
    cases: { name: string; sender: number; topic: string; permitted: boolean }[]
  }
}
// Channel id of the vectors, from the manifest's content.
const channel: string = signed.objects[0]!.content.channel
const base64url = (hex: string) => toBase64url(fromHex(hex))

function keyringAt(
  now: number,
  sender = setup.receiver,
  changes: Partial<{ manifest: string; directory: string }> = {},
) {
  const { manifest, directory } = { ...setup, ...changes }
  const keys = Object.entries(setup.epochKeys).map(([epoch, key]) => ({
    epoch: Number(epoch),
    epochKey: base64url(key),
  }))
  const keyring: Keyring = {
    time: now,
    revision: 1,
    deployment: base64url(setup.deployment),
    sender,
    directory: base64url(directory),
    channels: [{ manifest: base64url(manifest), publish: true, subscribe: true, keys }],
  }
  return keyring
}

function empty(
  cryptography: Cryptography,
  sender = setup.receiver,
  seen: { manifest?: number; directory?: number } = {},
) {
  return new HeldKeyring({
    cryptography,
    deployment: fromHex(setup.deployment),
    authorityKey: fromHex(setup.authorityKey),
    sender,
    monotonic: () => 0,
    wallClock: () => 0,
    remembered: { directory: seen.directory ?? 0, channels: { [channel]: seen.manifest ?? 0 } },
  })
}

const bytesOf = ({ payload, payloadRepeat }: Expected) =>
  payloadRepeat ? new Uint8Array(payloadRepeat.count).fill(payloadRepeat.byte) : fromHex(payload!)

async function codeOf(action: () => unknown): Promise<string> {
  try {
    await action()
    return 'accepted'
  } catch (error) {
    if (error instanceof SealError || error instanceof KeyringError) return error.code
    throw error
  }
}

async function sealAgain(keyring: HeldKeyring, cryptography: Cryptography, vector: MessageVector): Promise<Uint8Array> {
  const { expected, topic } = vector
  const epoch = keyring.channelOf(topic)!.epochs.get(expected.epoch)!
  const session = fromHex(expected.session)
  const key = await epoch.messageKey(expected.sender, session)
  const header = { ...expected, session, suite: epoch.policy.suite }
  const inner = { ...expected, intent: expected.intent as 'will' | null }
  return sealEnvelope(cryptography, key, null, epoch.additionalData(topic), header, inner, bytesOf(expected))
}

describe.each([nodeCryptography, webCryptography])('vectors on $name', (cryptography) => {
  it.each(messages)('opens: $name', async (vector) => {
    const { expected, topic, now, retained, steps } = vector
    const keyring = empty(cryptography)
    await keyring.apply(keyringAt(now))
    const envelope = vector.envelope ? fromHex(vector.envelope) : await sealAgain(keyring, cryptography, vector)
    if (vector.envelopeHead) {
      expect(toHex(envelope.subarray(0, vector.envelopeHead.length / 2))).toBe(vector.envelopeHead)
      expect(createHash('sha256').update(envelope).digest('hex')).toBe(vector.envelopeSha256)
    }
    const opener = new MessageOpener({ keyring, cryptography, replay: new ReplayState() })
    const { payload, ...opened } = await opener.open(topic, envelope, { retained })
    const { distance, timeToLive, intent, payload: _, payloadRepeat: __, ...visible } = expected
    expect(opened).toMatchObject({ ...visible, late: false, repeat: false, gap: null })
    expect(Buffer.from(payload).equals(bytesOf(expected))).toBe(true)
    const parts = decodeEnvelope(envelope)
    const epoch = keyring.channelOf(topic)!.epochs.get(expected.epoch)!
    const key = await epoch.messageKey(expected.sender, parts.header.session)
    const data = epoch.additionalData(topic)
    const plaintext = await key.open(parts.partialIv, data.forEncryption(parts.protectedHeader), parts.ciphertext)
    expect(decodeInner(plaintext!).fields).toMatchObject({ distance, timeToLive, intent })
    if (steps) {
      const { deployment, channel } = keyring.channelOf(topic)!.manifest
      const again = topicAdditionalData({ deployment, channel, topic, ...epoch.policy })
      expect(toHex(again.forEncryption(parts.protectedHeader))).toBe(steps.encStructure)
      expect(toHex(again.forSignature(parts.protectedHeader, parts.ciphertext))).toBe(steps.toBeSigned)
    }
  })

  it.each(refusals)('refuses as $code: $name', async (vector) => {
    const keyring = empty(cryptography, vector.sender)
    await keyring.apply(keyringAt(vector.now, vector.sender))
    if (vector.envelope === null) {
      const signingKey = await cryptography.generateSigningKey('ES256')
      const sealer = new MessageSealer({ keyring, cryptography, signingKey })
      expect(await codeOf(() => sealer.check(vector.topic))).toBe(vector.code)
      return
    }
    const opener = new MessageOpener({ keyring, cryptography, replay: new ReplayState() })
    const { topic, retained, shared } = vector
    for (const earlier of vector.before) await opener.open(topic, fromHex(earlier), { retained: false })
    expect(await codeOf(() => opener.open(topic, fromHex(vector.envelope!), { retained, shared }))).toBe(vector.code)
  })

  it.each(signed.refusals)('refuses a keyring as $code: $name', async ({ kind, bytes, code, remembered }) => {
    // Numbers are of the kind in question; the other one is not remembered.
    const keyring = empty(cryptography, setup.receiver, { [kind]: remembered })
    expect(await codeOf(() => keyring.apply(keyringAt(1_800_000_000_000, undefined, { [kind]: bytes })))).toBe(code)
    expect(keyring.revision).toBe(-1)
  })

  it('lets senders publish exactly where the signed objects say', async () => {
    const { manifest, directory, cases } = signed.publishing
    const wrong: string[] = []
    for (const sender of new Set(cases.map((one) => one.sender))) {
      const keyring = empty(cryptography, sender)
      await keyring.apply(keyringAt(1_800_000_000_000, sender, { manifest, directory }))
      const signingKey = await cryptography.generateSigningKey('ES256')
      const sealer = new MessageSealer({ keyring, cryptography, signingKey })
      for (const { name, topic, permitted } of cases.filter((one) => one.sender === sender)) {
        const held = keyring.channelOf(topic)
        const received = held !== null && keyring.mayPublish(held, keyring.senderOf(sender)!.entry, topic)
        const sealed = (await codeOf(() => sealer.check(topic))) === 'accepted'
        if (received !== permitted || sealed !== permitted) wrong.push(name)
      }
    }
    expect(wrong).toEqual([])
    expect(cases.filter(({ permitted }) => permitted).length).toBeGreaterThan(10)
  })
})

describe('the set', () => {
  it('has a refusal for every code, and the signed objects are those of the set-up', () => {
    expect(new Set(refusals.map(({ code }) => code))).toEqual(new Set(Object.keys(sealErrorCodes)))
    expect(signed.objects.map(({ bytes }) => bytes)).toEqual([
      setup.manifest,
      setup.directory,
      signed.publishing.manifest,
      signed.publishing.directory,
    ])
  })

  it('has every name once', () => {
    const names = [...messages, ...refusals].map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
