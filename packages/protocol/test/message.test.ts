import { inspectEnvelope } from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import { describe, expect, it } from 'vitest'
import { uncounted } from '../../../scripts/bar.ts'
import { backEnds, combinations, openMutated, tamperEveryByte } from './mutation.ts'
import { codeOf, live, plant } from './plant.ts'

const text = new TextEncoder()

describe.each(backEnds)('on $name', (cryptography) => {
  it('seals no retained command, which no receiver would take', async () => {
    const { sealer, opener } = await plant({ kind: 'command' }, cryptography)
    const writer = await sealer()
    expect(await codeOf(() => writer.seal('plant/pump', text.encode('open'), { retained: true }))).toBe('not-permitted')
    const { envelope, sequence } = await writer.seal('plant/pump', text.encode('open'))
    expect(sequence).toBe(0)
    expect(await opener.open('plant/pump', envelope, live)).toMatchObject({ sequence: 0, gap: null })
  })

  it.each(combinations)('seals and opens with $suite, signing $signing', async ({ suite, signing }) => {
    const { sealer, opener, writer } = await plant({ suite, signing }, cryptography)
    const payload = text.encode('{"pressure":0.38}')
    const { envelope, sequence } = await (await sealer()).seal('plant/pump', payload)
    const opened = await opener.open('plant/pump', envelope, live)
    expect(new Uint8Array(opened.payload)).toEqual(payload)
    expect(opened).toMatchObject({ sender: writer.sender, sequence, repeat: false, gap: null })
    expect(opened.verified).toBe(signing === 'each' ? 'sender' : 'channel')
  })

  it.each(combinations)('refuses an envelope of $suite, signing $signing, altered in any byte', (settings) =>
    tamperEveryByte(cryptography, settings, [1], uncounted),
  )

  it('refuses a message moved to another topic, and the same message twice', async () => {
    const { sealer, opener } = await plant({}, cryptography)
    const { envelope } = await (await sealer()).seal('plant/pump', text.encode('on'))
    expect(await codeOf(() => opener.open('plant/valve', envelope, live))).toBe('not-authentic')
    expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('accepted')
    expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('replayed')
    expect(await opener.open('plant/pump', envelope, { retained: false, duplicate: true })).toMatchObject({
      repeat: true,
    })
  })
})

describe('mutated envelopes', () => {
  it('are refused with a typed error, and good ones open afterwards', () => openMutated(3_000, uncounted))
})

describe('overhead', () => {
  it('is at most 64 bytes unsigned and 132 signed', async () => {
    for (const [signing, limit] of [
      ['off', 64],
      ['each', 132],
    ] as const) {
      const { sealer } = await plant({ signing }, nodeCryptography)
      const own = await sealer()
      for (let round = 0; round < 3; round++) {
        const { envelope } = await own.seal('plant/pump', new Uint8Array(256))
        expect(envelope.length - 256).toBeLessThanOrEqual(limit)
        expect(inspectEnvelope(envelope)).toMatchObject({ signed: signing === 'each', sequence: round })
      }
    }
  })
})
