import {
  type Cryptography,
  inspectEnvelope,
  MessageOpener,
  MessageSealer,
  ReplayState,
  SealError,
  type SuiteName,
} from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import { webCryptography } from '@sealmq/protocol/webcrypto'
import { describe, expect, it } from 'vitest'
import { type ChannelSettings, TestDeployment } from './deployment.ts'

const text = new TextEncoder()
const suites: SuiteName[] = ['A256GCM', 'ChaCha20/Poly1305', 'A256CBC-HS512']
const backEnds: Cryptography[] = [nodeCryptography, webCryptography]

async function plant(cryptography: Cryptography, settings: Partial<ChannelSettings> = {}) {
  const deployment = await TestDeployment.create(cryptography, settings)
  const publisher = await deployment.addSender(['writer'])
  const subscriber = await deployment.addSender(['reader'])
  const sealerFor = async (sender = publisher) =>
    new MessageSealer({
      keyring: await deployment.hold(sender),
      cryptography,
      signingKey: sender.key,
      wallClock: () => deployment.time,
    })
  const openerKeyring = await deployment.hold(subscriber)
  const replay = new ReplayState()
  const opener = new MessageOpener({ keyring: openerKeyring, cryptography, replay })
  return { deployment, publisher, subscriber, sealer: await sealerFor(), sealerFor, opener, openerKeyring, replay }
}

const live = { retained: false }
async function code(action: () => unknown): Promise<string> {
  try {
    await action()
    return 'accepted'
  } catch (error) {
    if (error instanceof SealError) return error.code
    throw error
  }
}

describe.each(backEnds)('on $name', (cryptography) => {
  it.each(suites.flatMap((suite) => (['each', 'off'] as const).map((signing) => ({ suite, signing }))))(
    'seals and opens with $suite, signing $signing',
    async ({ suite, signing }) => {
      const { sealer, opener, publisher } = await plant(cryptography, { suite, signing })
      const payload = text.encode('{"pressure":0.38}')
      const { envelope, sequence } = await sealer.seal('plant/pump', payload)
      const opened = await opener.open('plant/pump', envelope, live)
      expect(new Uint8Array(opened.payload)).toEqual(payload)
      expect(opened).toMatchObject({ sender: publisher.sender, sequence, repeat: false, gap: null })
      expect(opened.verified).toBe(signing === 'each' ? 'sender' : 'channel')
    },
  )

  it('seals no retained command, which no receiver would take', async () => {
    const { sealer, opener } = await plant(cryptography, { kind: 'command' })
    expect(await code(() => sealer.seal('plant/pump', text.encode('open'), { retained: true }))).toBe('not-permitted')
    const { envelope, sequence } = await sealer.seal('plant/pump', text.encode('open'))
    expect(sequence).toBe(0)
    expect(await opener.open('plant/pump', envelope, live)).toMatchObject({ sequence: 0, gap: null })
  })

  it('refuses an envelope that was changed in any byte', async () => {
    for (const suite of suites) {
      const { sealer, opener } = await plant(cryptography, { suite })
      const { envelope } = await sealer.seal('plant/pump', text.encode('21.4'))
      for (let at = 0; at < envelope.length; at++) {
        const changed = envelope.slice()
        changed[at]! ^= 0x01
        expect(await code(() => opener.open('plant/pump', changed, live)), `byte ${at}`).not.toBe('accepted')
      }
      expect(await code(() => opener.open('plant/pump', envelope.slice(0, -1), live))).toBe('malformed')
      expect(await code(() => opener.open('plant/pump', envelope, live))).toBe('accepted')
    }
  })

  it('refuses a message moved to another topic, and the same message twice', async () => {
    const { sealer, opener } = await plant(cryptography)
    const { envelope } = await sealer.seal('plant/pump', text.encode('on'))
    expect(await code(() => opener.open('plant/valve', envelope, live))).toBe('not-authentic')
    expect(await code(() => opener.open('plant/pump', envelope, live))).toBe('accepted')
    expect(await code(() => opener.open('plant/pump', envelope, live))).toBe('replayed')
    expect(await opener.open('plant/pump', envelope, { retained: false, duplicate: true })).toMatchObject({
      repeat: true,
    })
  })
})

describe('overhead', () => {
  it('is at most 64 bytes unsigned and 132 signed', async () => {
    for (const [signing, limit] of [
      ['off', 64],
      ['each', 132],
    ] as const) {
      const { sealer } = await plant(nodeCryptography, { signing })
      for (let round = 0; round < 3; round++) {
        const { envelope } = await sealer.seal('plant/pump', new Uint8Array(256))
        expect(envelope.length - 256).toBeLessThanOrEqual(limit)
        expect(inspectEnvelope(envelope)).toMatchObject({ signed: signing === 'each', sequence: round })
      }
    }
  })
})
