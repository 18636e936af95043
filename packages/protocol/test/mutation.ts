import type { Cryptography, SigningPolicy, SuiteName } from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import { webCryptography } from '@sealmq/protocol/webcrypto'
import { expect } from 'vitest'
import type { Count } from '../../../scripts/bar.ts'
import { codeOf, live, payload, plant } from './plant.ts'

const suites: SuiteName[] = ['A256GCM', 'ChaCha20/Poly1305', 'A256CBC-HS512']
/** Every suite, signed and unsigned. */
export const combinations: { suite: SuiteName; signing: SigningPolicy }[] = suites.flatMap((suite) =>
  (['each', 'off'] as const).map((signing) => ({ suite, signing })),
)

/**
 * Alters every byte of an envelope, cuts it at every length and adds to it; nothing of it opens, the envelope itself does.
 * @param changes what is done to a byte: XOR with each of these
 */
export async function tamperEveryByte(
  cryptography: Cryptography,
  settings: (typeof combinations)[number],
  changes: readonly number[],
  count: Count,
): Promise<void> {
  const { sealer, opener } = await plant(settings, cryptography)
  const { envelope } = await (await sealer()).seal('plant/pump', payload)
  const refuse = async (bytes: Uint8Array, what: string) => {
    const verdict = await codeOf(() => opener.open('plant/pump', bytes, live))
    if (verdict === 'accepted') expect.fail(`${what} of ${settings.suite} ${settings.signing} was accepted`)
    count('tampered envelopes')
  }
  for (let at = 0; at < envelope.length; at++) {
    for (const change of changes) {
      const altered = envelope.slice()
      altered[at]! ^= change
      await refuse(altered, `byte ${at} XOR ${change}`)
    }
    await refuse(envelope.slice(0, at), `the first ${at} bytes`)
  }
  await refuse(Uint8Array.of(...envelope, 0), 'one byte more')
  expect(await codeOf(() => opener.open('plant/pump', envelope, live))).toBe('accepted')
}

export const backEnds: Cryptography[] = [nodeCryptography, webCryptography]

/** Numbers that look random and are the same in every run (xorshift32): a failure can be repeated. */
export function pseudoRandom(seed: number): (below: number) => number {
  let state = seed | 1
  return (below) => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) % below
  }
}

type Mutation = (bytes: Uint8Array, other: Uint8Array, random: (below: number) => number) => Uint8Array
const mutations: Mutation[] = [
  (bytes, _other, random) => {
    const altered = bytes.slice()
    for (let left = 1 + random(3); left > 0; left--) altered[random(altered.length)]! ^= 1 + random(255)
    return altered
  },
  (bytes, _other, random) => bytes.slice(0, random(bytes.length)),
  (bytes, _other, random) => Uint8Array.from([...bytes, ...new Uint8Array(1 + random(40)).map(() => random(256))]),
  (bytes, other, random) => {
    const at = random(Math.min(bytes.length, other.length))
    return Uint8Array.from([...bytes.subarray(0, at), ...other.subarray(at)])
  },
  (bytes, _other, random) => {
    const at = random(bytes.length)
    return Uint8Array.from([...bytes.subarray(0, at), random(256), ...bytes.subarray(at)])
  },
  (bytes, _other, random) => {
    const at = random(bytes.length)
    return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + 1 + random(4))])
  },
  // Everything but the first bytes, so that the decoder goes on as far as it can.
  (bytes, _other, random) => bytes.map((byte, at) => (at < 4 || random(3) > 0 ? byte : random(256))),
]
/** Memory that a million refusals may need, bytes: caches fill up to their bounds. */
const boundedMemory = 150 * 1024 * 1024

/** Opens mutated envelopes of every suite, signed and unsigned: each is refused with a typed error, and memory is bounded. */
export async function openMutated(envelopes: number, count: Count): Promise<void> {
  const random = pseudoRandom(20_260_101)
  const share = Math.ceil(envelopes / combinations.length)
  for (const settings of combinations) {
    const { sealer, opener } = await plant(settings)
    const own = await sealer()
    const genuine: Uint8Array[] = []
    for (let index = 0; index < 16; index++) genuine.push((await own.seal('plant/pump', payload)).envelope)
    const known = new Set(genuine.map((bytes) => bytes.join()))
    const before = process.memoryUsage().rss
    for (let index = 0; index < share; index++) {
      const bytes = genuine[random(genuine.length)]!
      const other = genuine[random(genuine.length)]!
      const mutated = mutations[index % mutations.length]!(bytes, other, random)
      // Two envelopes cut together at a byte that they share are one of them again.
      if (known.has(mutated.join())) continue
      const verdict = await codeOf(() => opener.open('plant/pump', mutated, live))
      if (verdict === 'accepted') expect.fail(`mutation ${index} of ${settings.suite} ${settings.signing} was accepted`)
      count('mutated envelopes')
    }
    expect(process.memoryUsage().rss - before).toBeLessThan(boundedMemory)
    for (const bytes of genuine) expect(await codeOf(() => opener.open('plant/pump', bytes, live))).toBe('accepted')
  }
}
