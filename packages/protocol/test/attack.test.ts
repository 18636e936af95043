import {
  concatBytes,
  decodeEnvelope,
  encodeInner,
  KeyringError,
  MessageOpener,
  MessageSealer,
  ReplayState,
} from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import { webCryptography } from '@sealmq/protocol/webcrypto'
import { describe, expect, it } from 'vitest'
import { uncounted } from '../../../scripts/bar.ts'
import { forgeMany, replayEverything, restartOneSender } from './attacker.ts'
import { codeOf, forge, live, payload, plant } from './plant.ts'

describe('a reader that holds the channel key', () => {
  it('cannot forge in the name of another, sign as itself or leave the signature out', async () => {
    const { deployment, writer, reader, keyring, opener } = await plant()
    const asOther = await forge(keyring, deployment, writer.sender, reader)
    expect(await codeOf(() => opener.open('plant/pump', asOther, live))).toBe('not-authentic')
    const asItself = await forge(keyring, deployment, reader.sender, reader)
    expect(await codeOf(() => opener.open('plant/pump', asItself, live))).toBe('not-permitted')
    const unsigned = await forge(keyring, deployment, writer.sender, null)
    expect(await codeOf(() => opener.open('plant/pump', unsigned, live))).toBe('wrong-suite')
  })

  it('is refused whatever it signs, leaves out, invents or copies', () => forgeMany(100, uncounted))

  it('cannot put a genuine signature on another ciphertext', async () => {
    const { deployment, writer, keyring, opener, sealer } = await plant()
    const { envelope } = await (await sealer()).seal('plant/pump', payload)
    const { header, signature, protectedHeader } = decodeEnvelope(envelope)
    const epoch = keyring.channelOf('plant/pump')!.epochs.get(header.epoch)!
    const key = await epoch.messageKey(writer.sender, header.session)
    const data = epoch.additionalData('plant/pump')
    const inner = encodeInner({ contentType: null, distance: 0, timeToLive: null, intent: null }, payload.slice(1))
    const sealed = await key.seal(protectedHeader.slice(-10), data.forEncryption(protectedHeader), inner)
    const other = concatBytes(...sealed)
    const forged = envelope.slice()
    forged.set(other, forged.length - decodeEnvelope(envelope).ciphertext.length)
    expect(signature).not.toBeNull()
    expect(await codeOf(() => opener.open('plant/pump', forged, live))).not.toBe('accepted')
    expect(deployment.epochs).toHaveLength(1)
  })

  it('is only ever shown as the channel where nothing is signed', async () => {
    const { deployment, writer, keyring, opener } = await plant({ signing: 'off' })
    const forged = await forge(keyring, deployment, writer.sender, null)
    expect(await opener.open('plant/pump', forged, live)).toMatchObject({ verified: 'channel' })
  })
})

describe('a broker that remembers everything', () => {
  it('cannot make a receiver take anything twice, elsewhere, or of an epoch that has ended', () =>
    replayEverything(20, uncounted))
})

describe('roles', () => {
  it('a member that may only publish can open nothing', async () => {
    const { deployment, writer, sealer } = await plant()
    const held = await deployment.hold(writer)
    const opener = new MessageOpener({ keyring: held, cryptography: nodeCryptography, replay: new ReplayState() })
    const { envelope } = await (await sealer()).seal('plant/pump', payload)
    expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('unknown-key')
  })

  it('a role taken away ends what was sealed before, and what would be sealed', async () => {
    const { deployment, writer, opener, sealer, refresh } = await plant()
    const held = await deployment.hold(writer)
    const before = await sealer(writer, held)
    const { envelope } = await before.seal('plant/pump', payload)
    writer.roles = []
    await refresh()
    await held.apply(await deployment.keyringOf(writer))
    expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('not-permitted')
    expect(await codeOf(() => before.seal('plant/pump', payload))).toBe('not-permitted')
  })

  it('a revoked sender is refused, whatever the time of the message', async () => {
    const { deployment, writer, opener, sealer, refresh } = await plant()
    const { envelope } = await (await sealer()).seal('plant/pump', payload)
    writer.revokedAt = deployment.time + 1000
    await refresh()
    expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('revoked')
  })

  it.each(['each', 'off'] as const)(
    'a sender that ended is taken until then and no later, signing %s',
    async (signing) => {
      const { deployment, writer, opener, sealer, refresh } = await plant({ signing, kind: 'state' })
      const own = await sealer()
      const at = async (time: number, topic = 'plant/pump') => {
        deployment.time = time
        return (await own.seal(topic, payload)).envelope
      }
      const end = deployment.time + 10_000
      const [before, atEnd] = [await at(end - 1000), await at(end, 'plant/valve')]
      // What the sender thinks of the authority's time may be a little ahead.
      const [tolerated, after] = [await at(end + 5000, 'plant/fan'), await at(end + 5001, 'plant/lamp')]
      writer.endedAt = end
      await refresh()
      const verified = signing === 'each' ? 'sender' : 'channel'
      const name = { sender: writer.sender, senderName: `sender ${writer.sender}`, verified }
      expect(await opener.open('plant/pump', before, { retained: true })).toMatchObject(name)
      expect(await opener.open('plant/valve', atEnd, live)).toMatchObject(name)
      expect(await opener.open('plant/fan', tolerated, live)).toMatchObject(name)
      expect(await codeOf(() => opener.open('plant/lamp', after, live))).toBe('revoked')
      expect(await codeOf(() => opener.open('plant/lamp', after, { retained: true }))).toBe('revoked')
    },
  )

  it('a sender that ended and is revoked afterwards is refused, also what it sealed before its end', async () => {
    const { deployment, writer, opener, sealer, refresh } = await plant()
    const { envelope } = await (await sealer()).seal('plant/pump', payload)
    writer.endedAt = deployment.time + 1000
    await refresh()
    writer.revokedAt = deployment.time + 2000
    await refresh()
    expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('revoked')
  })

  it('revocation counts for a message that is being opened', async () => {
    const { deployment, writer, keyring, reader, opener, sealer } = await plant({}, webCryptography)
    const { envelope } = await (await sealer()).seal('plant/pump', payload)
    writer.revokedAt = deployment.time
    deployment.revision++
    const next = await deployment.keyringOf(reader)
    const verify = webCryptography.verify
    const slow = { ...webCryptography }
    let apply = async () => {}
    slow.verify = async (...args) => {
      await apply()
      return verify(...args)
    }
    apply = async () => {
      await keyring.apply(next)
    }
    const attacked = new MessageOpener({ keyring, cryptography: slow, replay: new ReplayState() })
    expect(await codeOf(() => attacked.open('plant/pump', envelope, live))).toBe('revoked')
    expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('revoked')
  })

  it('only valid topic names of the channel are sealed', async () => {
    const { sealer } = await plant()
    const own = await sealer()
    for (const topic of ['plant/#', 'plant/+', 'plant/\u0000', 'plant/\ud800', 'other', '$SYS/plant', '']) {
      expect(await codeOf(() => own.seal(topic, payload)), topic).toBe('not-permitted')
    }
  })
})

describe('a device that may publish under its own name', () => {
  const narrowed = { publishWithin: [{ role: 'device', filters: ['plant/{member}/#'] }] }
  const devices = async () => {
    const stage = await plant(narrowed)
    const add = async (device: string | null, ...roles: string[]) => {
      const sender = await stage.deployment.addSender(roles)
      if (device !== null) sender.device = device
      return sender
    }
    const one = await add('pump-1', 'device')
    const two = await add('pump-2', 'device', 'reader')
    const named = await add(null, 'device', 'reader')
    const wild = await add('+', 'device', 'reader')
    await stage.refresh()
    return { ...stage, one, two, named, wild }
  }

  it('is taken there and nowhere else, whatever it signs and the broker does with it', async () => {
    const { deployment, opener, sealer, one, two, named, wild } = await devices()
    const { envelope } = await (await sealer(one)).seal('plant/pump-1/pressure', payload)
    expect(await opener.open('plant/pump-1/pressure', envelope, live)).toMatchObject({ memberName: 'pump-1' })
    for (const liar of [two, named, wild]) {
      expect(await codeOf(async () => (await sealer(liar)).seal('plant/pump-1/pressure', payload))).toBe(
        'not-permitted',
      )
      // With the key of the channel, and past its own client.
      const keys = await deployment.hold(liar)
      for (const topic of ['plant/pump-1/pressure', 'plant', 'plant/pump-1', 'plant/pump-2x/y', 'plant/Member 5/x']) {
        const asItself = await forge(keys, deployment, liar.sender, liar, 0, topic)
        expect(await codeOf(() => opener.open(topic, asItself, live)), topic).toBe('not-permitted')
        const asOther = await forge(keys, deployment, one.sender, liar, 0, topic)
        expect(await codeOf(() => opener.open(topic, asOther, live)), topic).toBe('not-authentic')
      }
    }
    const own = await (await sealer(two)).seal('plant/pump-2/pressure', payload)
    expect(await codeOf(() => opener.open('plant/pump-1/pressure', own.envelope, live))).toBe('not-authentic')
    expect(await codeOf(() => opener.open('plant/pump-2/pressure', own.envelope, live))).toBe('accepted')
  })

  it('loses by a narrower grant what it sealed before', async () => {
    const { deployment, opener, sealer, one, refresh } = await devices()
    const { envelope } = await (await sealer(one)).seal('plant/pump-1/pressure', payload)
    deployment.settings.publishWithin = [{ role: 'device', filters: ['plant/{member}/temperature'] }]
    await refresh()
    expect(await codeOf(() => opener.open('plant/pump-1/pressure', envelope, live))).toBe('not-permitted')
  })
})

describe('epochs', () => {
  it('the grace bounds sealing, the keep time opening, and a new epoch is used at once', async () => {
    const { deployment, writer, opener, sealer, refresh } = await plant()
    const held = await deployment.hold(writer)
    const unaware = await sealer(writer)
    const own = await sealer(writer, held)
    await deployment.startEpoch(2_000)
    await refresh()
    await held.apply(await deployment.keyringOf(writer))
    expect((await own.seal('plant/pump', payload)).epoch).toBe(2_000)
    deployment.time += 300_000
    const inTime = await unaware.seal('plant/pump', payload)
    expect(inTime.epoch).toBe(1_000)
    deployment.time += 1
    const tooLate = await unaware.seal('plant/pump', payload)
    expect(await codeOf(() => opener.open('plant/pump', inTime.envelope, live))).toBe('accepted')
    expect(await codeOf(() => opener.open('plant/pump', tooLate.envelope, live))).toBe('epoch-retired')
    deployment.time += 7 * 86_400_000
    expect(await codeOf(() => opener.open('plant/pump', inTime.envelope, live))).toBe('epoch-retired')
  })

  it('the lease ends sealing', async () => {
    const { deployment, sealer } = await plant({ lease: 60 })
    const own = await sealer()
    deployment.time += 60_000
    expect(await codeOf(() => own.seal('plant/pump', payload))).toBe('accepted')
    deployment.time += 1
    expect(await codeOf(() => own.check('plant/pump'))).toBe('lease-expired')
  })
})

describe('sessions', () => {
  it('never repeat a position over restarts, rollovers and jumps of the clock', () => restartOneSender(50, uncounted))

  it('begin anew when the wall clock and the authority clock jump apart, and not when both go on', async () => {
    const { deployment, writer } = await plant()
    const keyring = await deployment.hold(writer)
    let drift = 0
    const wallClock = () => deployment.time + drift
    const own = new MessageSealer({ keyring, cryptography: nodeCryptography, signingKey: writer.key, wallClock })
    const first = await own.seal('plant/pump', payload)
    deployment.time += 3_600_000
    drift = 4_000
    const second = await own.seal('plant/pump', payload)
    expect([second.session, second.sequence]).toEqual([first.session, 1])
    drift = 9_000
    const third = await own.seal('plant/pump', payload)
    expect(third.session).not.toEqual(first.session)
    expect(third.sequence).toBe(0)
  })

  it('begin anew after a sleep, whoever noticed it first, and nothing is sealed before the time is known', async () => {
    const { deployment, writer } = await plant()
    const held = await deployment.hold(writer)
    const settings = { keyring: held, cryptography: nodeCryptography, signingKey: writer.key }
    const own = new MessageSealer({ ...settings, wallClock: () => deployment.time })
    const sessions = [(await own.seal('plant/pump', payload)).session]
    for (const notice of [true, false]) {
      deployment.time += 28_800_000
      deployment.slept += 28_800_000
      if (notice) expect(() => own.seal('plant/pump', payload)).toThrow(KeyringError)
      await held.apply(await deployment.keyringOf(writer))
      const { session, sequence, sealedAt } = await own.seal('plant/pump', payload)
      expect([sequence, sealedAt]).toEqual([0, deployment.time])
      expect(sessions).not.toContainEqual(session)
      sessions.push(session)
    }
  })

  it('begin anew before the sequence would pass its last value, for every channel', async () => {
    const { deployment, writer, opener } = await plant()
    const keyring = await deployment.hold(writer)
    const settings = { keyring, cryptography: nodeCryptography, signingKey: writer.key, lastSequence: 2 }
    const own = new MessageSealer({ ...settings, wallClock: () => deployment.time })
    const places: string[] = []
    for (let count = 0; count < 8; count++) {
      const { envelope } = await own.seal('plant/pump', payload)
      const { session, sequence, gap } = await opener.open('plant/pump', envelope, live)
      places.push(`${session} ${sequence}`)
      expect([sequence, gap]).toEqual([count % 3, null])
    }
    expect(new Set(places).size).toBe(8)
  })

  it('lose no sequence to a message that cannot be sent', async () => {
    const { opener, sealer } = await plant()
    const own = await sealer()
    const first = await own.seal('plant/pump', payload)
    expect(await codeOf(() => own.seal('plant/pump', payload, { timeToLive: -1 }))).toBe('malformed')
    const second = await own.seal('plant/pump', payload)
    expect(second.sequence).toBe(1)
    await opener.open('plant/pump', first.envelope, live)
    expect(await opener.open('plant/pump', second.envelope, live)).toMatchObject({ gap: null })
  })

  it('give a will a session of its own, which opens after later messages', async () => {
    const { opener, sealer } = await plant()
    const own = await sealer()
    const will = await own.seal('plant/pump', payload, { will: true })
    for (let count = 0; count < 3; count++) {
      const { envelope } = await own.seal('plant/pump', payload)
      expect(await opener.open('plant/pump', envelope, live)).toMatchObject({ sequence: count, gap: null })
    }
    expect(await opener.open('plant/pump', will.envelope, live)).toMatchObject({ gap: null, repeat: false, will: true })
    expect(await codeOf(() => opener.open('plant/pump', will.envelope, live))).toBe('replayed')
  })
})

describe('kinds', () => {
  it('a dropped message shows as a gap of its own topic', async () => {
    const { opener, sealer } = await plant()
    const own = await sealer()
    const seal = async (topic: string) => (await own.seal(topic, payload)).envelope
    const [a, , dropped, other, last] = [
      await seal('plant/a'),
      await seal('plant/b'),
      await seal('plant/a'),
      await seal('plant/b'),
      await seal('plant/a'),
    ]
    expect(dropped).toBeDefined()
    expect(await opener.open('plant/a', a!, live)).toMatchObject({ gap: null })
    expect(await opener.open('plant/b', other!, live)).toMatchObject({ gap: null })
    expect(await opener.open('plant/a', last!, live)).toMatchObject({ gap: { from: 1, to: 2, count: 2 } })
  })

  it('telemetry that is late is marked or refused, as the channel says', async () => {
    for (const [late, expected] of [
      ['mark', 'accepted'],
      ['refuse', 'stale'],
    ] as const) {
      const { deployment, opener, sealer } = await plant({ late, maximumAge: 60 })
      const own = await sealer()
      const [first, second] = [await own.seal('plant/a', payload), await own.seal('plant/a', payload)]
      expect(await codeOf(() => opener.open('plant/a', first.envelope, live))).toBe('accepted')
      deployment.time += 60_001
      const open = () => opener.open('plant/a', second.envelope, live)
      if (expected === 'accepted') expect(await open()).toMatchObject({ late: true, age: 60_001 })
      else expect(await codeOf(open)).toBe(expected)
    }
  })

  it('the last state again is a silent repeat, an older one is refused', async () => {
    const { deployment, opener, sealer } = await plant({ kind: 'state' })
    const own = await sealer()
    const older = await own.seal('plant/a', payload, { retained: true })
    deployment.time += 1000
    const newer = await own.seal('plant/a', payload, { retained: true })
    expect(await opener.open('plant/a', newer.envelope, live)).toMatchObject({ repeat: false })
    deployment.time += 30 * 86_400_000
    const again = await opener.open('plant/a', newer.envelope, { retained: true })
    expect(again).toMatchObject({ repeat: true, age: 30 * 86_400_000, late: false })
    expect(await codeOf(() => opener.open('plant/a', older.envelope, { retained: true }))).toBe('replayed')
  })

  it('a command dies with its seconds to live, and never comes from a store', async () => {
    const { deployment, opener, sealer } = await plant({ kind: 'command' })
    const own = await sealer()
    const { envelope } = await own.seal('plant/a', payload, { timeToLive: 5, command: true })
    expect(await codeOf(() => opener.open('plant/a', envelope, { retained: true }))).toBe('stale')
    expect(await codeOf(() => opener.open('plant/a', envelope, { retained: false, shared: true }))).toBe('stale')
    deployment.time += 5_001
    expect(await codeOf(() => opener.open('plant/a', envelope, live))).toBe('stale')
    expect(await codeOf(() => own.seal('plant/a', payload, { timeToLive: 0.5 }))).toBe('malformed')
  })

  it('a command of yesterday is not taken for a fresh one by a machine that has slept', async () => {
    const { deployment, reader, keyring, opener, sealer } = await plant({ kind: 'command' })
    const own = await sealer()
    const { envelope } = await own.seal('plant/a', payload, { timeToLive: 60, command: true })
    const sleep = () => {
      deployment.time += 28_800_000
      deployment.slept += 28_800_000
    }
    sleep()
    expect(() => opener.open('plant/a', envelope, live)).toThrow(KeyringError)
    await keyring.apply(await deployment.keyringOf(reader))
    expect(await codeOf(() => opener.open('plant/a', envelope, live))).toBe('stale')
  })
})
