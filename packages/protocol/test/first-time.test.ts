import { decodeInner, encodeInner, fromHex } from '@sealmq/protocol'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { codeOf, live, payload, plant } from './plant.ts'

const topic = 'plant/pump'
const hour = 3_600_000

describe('a message that was kept before it was sealed', () => {
  it('carries its first time and its origin; its age is counted from the first time', async () => {
    const { sealer, opener, deployment } = await plant()
    const origin = Uint8Array.of(1, 2, 3)
    const { envelope, sealedAt } = await (await sealer()).seal(topic, payload, { age: 90_000, origin })
    expect(sealedAt).toBe(deployment.time)
    expect(await opener.open(topic, envelope, live)).toMatchObject({
      sealedAt,
      firstAt: sealedAt - 90_000,
      age: 90_000,
      origin: '010203',
      late: false,
    })
  })

  it('is marked late when its first time is older than the maximum age, also for a new subscriber', async () => {
    const { sealer, opener } = await plant({ maximumAge: 3600, late: 'mark' })
    const { envelope } = await (await sealer()).seal(topic, payload, { age: 5 * hour })
    expect(await opener.open(topic, envelope, live)).toMatchObject({ late: true, age: 5 * hour })
  })

  it('is refused where the channel refuses late messages, and where its time to live is over', async () => {
    const refusing = await plant({ maximumAge: 3600, late: 'refuse' })
    const late = await (await refusing.sealer()).seal(topic, payload, { age: 5 * hour })
    expect(await codeOf(() => refusing.opener.open(topic, late.envelope, live))).toBe('stale')
    const commands = await plant({ kind: 'command', maximumAge: 60 })
    const writer = await commands.sealer()
    const old = await writer.seal(topic, payload, { age: 61_000 })
    expect(await codeOf(() => commands.opener.open(topic, old.envelope, live))).toBe('stale')
    const left = await writer.seal(topic, payload, { age: 61_000, timeToLive: 5 })
    commands.deployment.time += 4_000
    expect(await codeOf(() => commands.opener.open(topic, left.envelope, live))).toBe('accepted')
    const over = await writer.seal(topic, payload, { timeToLive: 5 })
    commands.deployment.time += 6_000
    expect(await codeOf(() => commands.opener.open(topic, over.envelope, live))).toBe('stale')
  })

  it('is refused as a replay by the time sealed, whatever its first time', async () => {
    const { sealer, opener } = await plant()
    const { envelope } = await (await sealer()).seal(topic, payload, { age: hour })
    await opener.open(topic, envelope, live)
    expect(await codeOf(() => opener.open(topic, envelope, live))).toBe('replayed')
  })

  it('refuses an origin that cannot be sent', async () => {
    const writer = await (await plant()).sealer()
    for (const length of [0, 33]) {
      expect(await codeOf(() => writer.seal(topic, payload, { origin: new Uint8Array(length) }))).toBe('malformed')
    }
  })
})

describe('first time and origin in the inner map', () => {
  it('are read as they were written', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), fc.uint8Array({ minLength: 1, maxLength: 32 }), (firstAt, origin) => {
        const fields = { contentType: null, distance: 1, timeToLive: null, intent: null, firstAt, origin }
        const read = decodeInner(encodeInner(fields, payload))
        expect({ ...read.fields, origin: [...read.fields.origin!] }).toEqual({ ...fields, origin: [...origin] })
        expect(read.payload).toEqual(payload)
      }),
    )
  })

  it('are ignored when they are of another type, as by a reader that does not know them', () => {
    for (const inner of ['a12163666f6f', 'a12120', 'a1224158', 'a12240', 'a122f5', `a1225821${'00'.repeat(33)}`]) {
      const { fields } = decodeInner(fromHex(inner))
      expect(fields.firstAt).toBeUndefined()
      expect(fields.origin === undefined || fields.origin.length === 1).toBe(true)
    }
  })
})
