import { concatBytes, fromHex, type SealErrorCode, toHex } from '@sealmq/protocol'
import { type Craft, craft } from './craft.ts'
import { base, current, topic } from './setup.ts'

const payload = new TextEncoder().encode('{"pressure":0.382273}')
const plaintext = concatBytes(Uint8Array.of(0xa0), payload)
const withInner = (inner: string) => concatBytes(fromHex(inner), payload)
const hour = 3_600_000

interface Refusal {
  name: string
  code: SealErrorCode
  /** null: about sealing, not opening. */
  envelope: string | null
  topic: string
  now: number
  retained: boolean
  shared: boolean
  /** Envelopes accepted before, on the same topic, at the same time. */
  before: string[]
  sender?: number
}
const refusals: Refusal[] = []
type Circumstances = Partial<Pick<Refusal, 'topic' | 'now' | 'retained' | 'shared' | 'before' | 'sender'>>
function add(code: SealErrorCode, name: string, envelope: Uint8Array | null, circumstances: Circumstances = {}): void {
  const standard = { topic, now: base + 2000, retained: false, shared: false, before: [] }
  refusals.push({ name, code, envelope: envelope && toHex(envelope), ...standard, ...circumstances })
}
const sealed = async (message: Partial<Craft> & { name: string }) => (await craft({ plaintext, ...message })).envelope

/** Changes the bytes at an offset. */
function changed(bytes: Uint8Array, at: number, hex: string, remove = hex.length / 2): Uint8Array {
  return concatBytes(bytes.subarray(0, at), fromHex(hex), bytes.subarray(at + remove))
}

async function layout(): Promise<void> {
  const signed = await sealed({ name: 'layout' })
  const unsigned = await sealed({ name: 'layout, unsigned', epoch: 2 })
  const unprotectedAt = 38
  const ciphertextAt = 39
  const body = unsigned.subarray(ciphertextAt + 2)
  const cases: [string, Uint8Array][] = [
    ['no bytes', new Uint8Array(0)],
    ['plain text', payload],
    ['wrong tag 18', changed(signed, 0, 'd2')],
    ['tag 16 in a longer head', changed(signed, 0, 'd810', 1)],
    ['no tag', signed.subarray(1)],
    ['array of 4', changed(signed, 1, '84')],
    ['array of indefinite length', concatBytes(changed(signed, 1, '9f'), Uint8Array.of(0xff))],
    ['protected header with a two-byte length', changed(signed, 2, '590022', 2)],
    ['protected header one byte shorter', changed(signed, 3, '21')],
    ['protected map of 4', changed(signed, 4, 'a4')],
    ['algorithm 1, AES-128-GCM', changed(signed, 6, '01')],
    ['algorithm in a longer head', changed(changed(signed, 6, '1803', 1), 3, '23')],
    ['bare CBC of RFC 9459', changed(changed(signed, 6, '39fffa', 1), 3, '24')],
    ['version 0', changed(signed, 9, '00')],
    ['version 2', changed(signed, 9, '02')],
    ['kid of 16 bytes', changed(signed, 8, '50')],
    ['label 5 (IV) in place of 6', changed(signed, 26, '05')],
    ['Partial IV of 9 bytes', changed(signed, 27, '49')],
    ['countersignature under label 11', changed(signed, unprotectedAt + 1, '0b')],
    ['receipt under label 394, a kept place', changed(signed, unprotectedAt + 1, '19018a', 1)],
    ['label 12 in a longer head', changed(signed, unprotectedAt + 1, '180c', 1)],
    ['countersignature of 63 bytes', changed(signed, unprotectedAt + 3, '3f')],
    ['unprotected map of 2', changed(signed, unprotectedAt, 'a2')],
    ['unprotected map of indefinite length', changed(unsigned, unprotectedAt, 'bfff', 1)],
    ['ciphertext with a two-byte length', changed(unsigned, ciphertextAt, `5900${toHex(unsigned.subarray(40, 41))}`, 2)],
    ['ciphertext of indefinite length', concatBytes(changed(unsigned, ciphertextAt, '5f58'), body, Uint8Array.of(0xff))],
    ['ciphertext as a text string', changed(unsigned, ciphertextAt, '78')],
    ['ciphertext null (detached)', concatBytes(unsigned.subarray(0, ciphertextAt), Uint8Array.of(0xf6))],
    ['ciphertext of 2^32 − 1 bytes', changed(unsigned, ciphertextAt, '5affffffff', 2)],
    ['ciphertext of 2^64 − 1 bytes', changed(unsigned, ciphertextAt, '5bffffffffffffffff', 2)],
    ['trailing byte', concatBytes(signed, Uint8Array.of(0))],
    ['last byte missing', signed.subarray(0, -1)],
    ['cut in the protected header', signed.subarray(0, 20)],
    ['cut in the signature', signed.subarray(0, 70)],
    ['cut before the ciphertext', unsigned.subarray(0, ciphertextAt)],
    ['base64 text', new TextEncoder().encode(Buffer.from(signed).toString('base64'))],
  ]
  for (const [name, bytes] of cases) add('malformed', `layout: ${name}`, bytes)
}

const innerCases: [string, string][] = [
  ['no inner map', ''],
  ['an array', '80'],
  ['map of indefinite length', 'bfff'],
  ['map length in a longer head', 'b800'],
  ['key in a longer head', 'a1180205'],
  ['value in a longer head', 'a1021805'],
  ['duplicate key', 'a202050205'],
  ['keys not in order', 'a203050205'],
  ['negative key before a positive one', 'a2200103181e'],
  ['unknown key 7', 'a10700'],
  ['key 0', 'a10000'],
  ['key 6, a kept place', 'a1066161'],
  ['text key', 'a1613105'],
  ['float key', 'a1f9400005'],
  ['float value', 'a102f94500'],
  ['negative distance', 'a10220'],
  ['distance of 2^32', 'a1021b0000000100000000'],
  ['distance of 2^64 − 1', 'a1021bffffffffffffffff'],
  ['distance as text', 'a1026131'],
  ['seconds to live null', 'a103f6'],
  ['intent 0', 'a10400'],
  ['intent 4', 'a10404'],
  ['content type as bytes', 'a1014161'],
  ['content type of 256 bytes', `a101790100${'61'.repeat(256)}`],
  ['content type of 128 characters in 256 bytes', `a101790100${'c3a4'.repeat(128)}`],
  ['content type not UTF-8', 'a10161ff'],
  ['padding not zero', 'a105420001'],
  ['padding as text', 'a1056100'],
  ['tagged value', 'a102c105'],
  ['undefined under a negative key', 'a120f7'],
  ['float under a negative key', 'a120f93c00'],
  ['nesting of 18 levels under a negative key', `a120${'81'.repeat(17)}00`],
  ['array of 2^32 elements under a negative key', 'a1209b0000000100000000'],
]

async function inner(): Promise<void> {
  for (const [name, bytes] of innerCases) {
    const bare = name === 'no inner map'
    const message = { name: `inner ${name}`, plaintext: bare ? new Uint8Array(0) : withInner(bytes) }
    add('malformed', `inner map: ${name}`, await sealed(message))
  }
}

async function authenticity(): Promise<void> {
  for (const [suite, epoch] of [['A256GCM', current], ['ChaCha20/Poly1305', 3], ['A256CBC-HS512', 5]] as const) {
    const good = await sealed({ name: `authenticity ${suite}`, epoch })
    const end = 4 + good[3]!
    const flip = (at: number) => changed(good, at, toHex(Uint8Array.of(good[at]! ^ 1)))
    add('not-authentic', `${suite}: last byte of the tag`, flip(good.length - 1))
    add('not-authentic', `${suite}: first byte of the ciphertext`, flip(end + 70))
    add('not-authentic', `${suite}: first byte of the signature`, flip(end + 4))
    add('not-authentic', `${suite}: sequence`, flip(end - 1))
    add('not-authentic', `${suite}: time`, flip(end - 5))
    add('not-authentic', `${suite}: session`, flip(end - 20))
    add('not-authentic', `${suite}: moved to another topic`, good, { topic: 'plant/line-1/pressure2' })
  }
  const good = await sealed({ name: 'another sender' })
  add('not-authentic', 'another sender in the header', changed(good, 17, '02'))
  add('not-authentic', 'a reader signs in the name of another', await sealed({ name: 'forged', signer: 4 }))
  add('not-authentic', 'signature of zeros', changed(good, 42, '00'.repeat(64)))
  add('not-authentic', 'ciphertext shorter than a tag', concatBytes(good.subarray(0, 106), fromHex('420102')))
  add('not-authentic', 'CBC, no whole blocks', concatBytes((await sealed({ name: 'cbc', epoch: 6 })).subarray(0, 43), fromHex(`5831${'00'.repeat(49)}`)))
}

async function lookUp(): Promise<void> {
  const good = await sealed({ name: 'look-up' })
  const gcm = await sealed({ name: 'look-up, unsigned', epoch: 2 })
  add('unknown-key', 'epoch that the manifest does not list', changed(good, 10, '00000063'))
  add('unknown-key', 'topic of no channel', good, { topic: 'other/topic' })
  add('unknown-key', 'topic with a wildcard', good, { topic: 'plant/#' })
  add('unknown-sender', 'sender that the directory does not list', changed(good, 14, '00000063'))
  add('revoked', 'revoked sender', await sealed({ name: 'revoked', sender: 3, sealedAt: base - 1000 }))
  add('revoked', 'sealed more than 5 s after the end of its sender', await sealed({ name: 'ended', sender: 5, sealedAt: base + 5001 }))
  add('revoked', 'unsigned, sealed after the end of its sender', await sealed({ name: 'ended, unsigned', sender: 5, epoch: 2, sealedAt: base + 5001 }))
  add('wrong-suite', 'unsigned where each is signed', await sealed({ name: 'no signature', signed: false }))
  add('wrong-suite', 'signed where none is', await sealed({ name: 'signature', epoch: 2, signed: true }))
  add('wrong-suite', 'another suite than the epoch has', changed(gcm, 10, '00000004'))
  add('wrong-suite', 'policy batch, a kept place', await sealed({ name: 'batch', epoch: 11 }))
  add('not-permitted', 'a reader signs as itself', await sealed({ name: 'reader', sender: 4 }))
  add('epoch-retired', 'after the keep time', await sealed({ name: 'retired', epoch: 10, sealedAt: base - 604_900_000 }))
  add('epoch-retired', 'sealed after the grace', await sealed({ name: 'grace', epoch: 9, sealedAt: base + 1 }))
}

async function freshness(): Promise<void> {
  const at = (name: string, more: Partial<Craft>) => sealed({ name, session: 'freshness', ...more })
  const first = await at('first', { sequence: 2000 })
  const hex = toHex(first)
  add('replayed', 'the same again', first, { before: [hex] })
  const under = await at('under', { sequence: 976 })
  add('replayed', 'below the window', under, { before: [hex] })
  add('stale', 'sealed more than 60 s ahead', await at('ahead', { sealedAt: base + 62_001 }))
  add('stale', 'older than where a new subscriber starts', await at('old', { sealedAt: base + 2000 - hour }))
  add('stale', 'over its seconds to live', await at('ttl', { plaintext: withInner('a10300') }))
  const command = await at('command', { epoch: 8 })
  add('stale', 'command from a retained message', command, { retained: true })
  add('stale', 'command through a shared subscription', command, { shared: true })
  add('stale', 'command over its seconds to live', await at('command ttl', { epoch: 8, plaintext: withInner('a10300') }))
  add('replayed', 'command again', command, { before: [toHex(command)] })
  const state = await at('state', { epoch: 7, sequence: 5 })
  const older = await at('older state', { epoch: 7, sequence: 4 })
  add('replayed', 'an older state', older, { before: [toHex(state)] })
  add('replayed', 'the same state live, not redelivered', state, { before: [toHex(state)] })
  add('stale', 'state sealed in the future', await at('future state', { epoch: 7, sealedAt: base + 62_001 }))
  add('lease-expired', 'sealing after the lease', null, { now: base + 86_400_001, sender: 1 })
  add('not-permitted', 'sealing without the grant', null, { sender: 4 })
  add('not-permitted', 'sealing on a topic with a wildcard', null, { topic: 'plant/+', sender: 1 })
}

/** The vectors of what is refused. */
export async function refusedMessages(): Promise<Refusal[]> {
  await layout()
  await inner()
  await authenticity()
  await lookUp()
  await freshness()
  return refusals
}
