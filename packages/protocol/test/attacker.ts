import { decodeEnvelope, encodeEnvelope, inspectEnvelope, type MessageKind, ReplayState } from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import { expect } from 'vitest'
import type { Count } from '../../../scripts/bar.ts'
import { codeOf, forge, live, payload, plant } from './plant.ts'

/** A reader with the epoch key forges: as another, as itself, unsigned, with an invented and with a copied signature. */
export async function forgeMany(forgeries: number, count: Count): Promise<void> {
  const { deployment, writer, reader, keyring, opener, sealer } = await plant()
  const genuine = decodeEnvelope((await (await sealer()).seal('plant/pump', payload)).envelope).signature!
  const resigned = (envelope: Uint8Array, signature: Uint8Array) => {
    const { protectedHeader, ciphertext } = decodeEnvelope(envelope)
    return encodeEnvelope(protectedHeader, signature, ciphertext)
  }
  const unsigned = (sequence: number) => forge(keyring, deployment, writer.sender, null, sequence)
  const kinds: [string, (sequence: number) => Promise<Uint8Array>][] = [
    ['not-authentic', (sequence) => forge(keyring, deployment, writer.sender, reader, sequence)],
    ['not-permitted', (sequence) => forge(keyring, deployment, reader.sender, reader, sequence)],
    ['wrong-suite', unsigned],
    ['not-authentic', async (sequence) => resigned(await unsigned(sequence), nodeCryptography.randomBytes(64))],
    ['not-authentic', async (sequence) => resigned(await unsigned(sequence), genuine)],
    ['not-authentic', async (sequence) => resigned(await unsigned(sequence), new Uint8Array(64))],
  ]
  for (let round = 0; round < forgeries; round++) {
    const [code, make] = kinds[round % kinds.length]!
    const forged = await make(round)
    const verdict = await codeOf(() => opener.open('plant/pump', forged, live))
    if (verdict !== code) expect(verdict, `forgery ${round}`).toBe(code)
    count('forgeries')
  }
  const { envelope } = await (await sealer()).seal('plant/pump', payload)
  expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('accepted')
}

/** One sender is started again and again on a restored machine: its clock stands where it stood, nothing is remembered. */
export async function restartOneSender(restarts: number, count: Count): Promise<void> {
  const { deployment, writer, sealer } = await plant({ filters: ['plant/#'] })
  const started = deployment.time
  const held = await deployment.hold(writer)
  const positions = new Set<string>()
  let sealed = 0
  for (let restart = 0; restart < restarts; restart++) {
    deployment.time = started
    const own = await sealer(writer, held, restart % 3 === 0 ? 6 : undefined)
    for (let message = 0; message < 20; message++) {
      if (message === 10) deployment.time -= 6_000
      if (message === 15) deployment.time += restart * 10
      const { envelope } = await own.seal(`plant/${message % 3}`, payload, message === 7 ? { will: true } : {})
      const { epoch, session, sealedAt, sequence } = inspectEnvelope(envelope)
      positions.add(`${epoch} ${session} ${sealedAt} ${sequence}`)
      sealed++
    }
    count('restarts')
  }
  count('positions', sealed)
  expect(positions.size).toBe(sealed)
}

/**
 * A broker keeps what it carried and hands it over again: at once, to a receiver that was started again, as a whole old
 * session, on other topics, and under an epoch that has ended.
 */
export async function replayEverything(messages: number, count: Count): Promise<void> {
  for (const kind of ['telemetry', 'state', 'command'] as const) await replayKind(kind, messages, count)
}

async function replayKind(kind: MessageKind, messages: number, count: Count): Promise<void> {
  const { deployment, writer, openerWith, sealer, refresh } = await plant({ kind })
  const held = await deployment.hold(writer)
  const unaware = await sealer(writer)
  let replay = new ReplayState()
  let opener = openerWith(replay)
  const carried: Uint8Array[] = []
  const refused = async (what: string, open: () => unknown) => {
    const verdict = await codeOf(open)
    if (verdict === 'accepted') expect.fail(`${kind}: ${what} was accepted`)
    count('replays')
  }
  const restart = () => {
    replay = ReplayState.restore(replay.snapshot())
    opener = openerWith(replay)
  }
  let own = await sealer(writer, held)
  for (let round = 0; round < messages; round++) {
    if (round % 50 === 49) own = await sealer(writer, held)
    deployment.time += 10
    const { envelope } = await own.seal('plant/pump', payload)
    await refused('another topic', () => opener.open('plant/valve', envelope, live))
    expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('accepted')
    await refused('the same again', () => opener.open('plant/pump', envelope, live))
    restart()
    await refused('the same after a restart', () => opener.open('plant/pump', envelope, live))
    const earlier = carried[(round * 7) % Math.max(1, carried.length)]
    if (earlier) await refused('an earlier one', () => opener.open('plant/pump', earlier, live))
    carried.push(envelope)
  }
  restart()
  for (const envelope of carried) await refused('a whole old session', () => opener.open('plant/pump', envelope, live))
  await deployment.startEpoch(2_000)
  await refresh()
  deployment.time += 300_001
  const late = await unaware.seal('plant/pump', payload)
  await refused('an epoch that has ended', () => opener.open('plant/pump', late.envelope, live))
  await refused('again', () => opener.open('plant/pump', late.envelope, live))
  const older = await deployment.keyringOf(writer)
  deployment.revision++
  await held.apply(await deployment.keyringOf(writer))
  await expect(held.apply(older)).rejects.toMatchObject({ code: 'rollback' })
  count('keyrings rolled back')
  const next = await (await sealer(writer, held)).seal('plant/pump', payload)
  expect(next.epoch).toBe(2_000)
  expect(await codeOf(() => opener.open('plant/pump', next.envelope, live))).toBe('accepted')
}
