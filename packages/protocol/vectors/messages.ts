import { concatBytes, encodeInner, fromHex, type Intent, toHex } from '@sealmq/protocol'
import { type Craft, craft } from './craft.ts'
import { base, current, sha256, topic } from './setup.ts'

const text = new TextEncoder()
const reading = text.encode('{"pressure":0.382273}')
const plain = { contentType: null, distance: 1, timeToLive: null, intent: null }

interface Wanted extends Omit<Craft, 'plaintext'> {
  payload?: Uint8Array
  repeat?: { byte: number; count: number }
  contentType?: string
  distance?: number
  timeToLive?: number
  intent?: Intent
  /** The inner map by its bytes. */
  inner?: string
  retained?: boolean
  showSteps?: boolean
}

const bothWays = [
  { label: 'A256GCM', each: current, off: 2 },
  { label: 'ChaCha20/Poly1305', each: 3, off: 4 },
  { label: 'A256CBC-HS512', each: 5, off: 6 },
]
const lengths = [0, 5, 6, 7, 15, 16, 23, 24, 238, 239, 255, 256, 4096, 65_518, 65_519, 65_535, 65_536]
const wanted: Wanted[] = [
  ...bothWays.flatMap(({ label, each, off }): Wanted[] => [
    { name: `${label}, signed with ES256`, epoch: each, showSteps: true },
    { name: `${label}, signed with EdDSA`, epoch: each, sender: 2 },
    { name: `${label}, unsigned`, epoch: off, showSteps: true },
  ]),
  { name: 'state, live', epoch: 7, distance: 0, intent: 'retained' },
  { name: 'state, retained by the broker', epoch: 7, distance: 0, intent: 'retained', retained: true },
  { name: 'command', epoch: 8, timeToLive: 30, intent: 'command' },
  { name: 'will', distance: 0, intent: 'will' },
  { name: 'first on its topic', distance: 0 },
  { name: 'distance 24', distance: 24, sequence: 30 },
  { name: 'largest distance and sequence', distance: 2 ** 32 - 1, sequence: 2 ** 32 - 1 },
  { name: 'content type', contentType: 'application/json' },
  { name: 'content type of 255 bytes', contentType: `${'ä'.repeat(127)}x` },
  { name: 'empty content type', contentType: '' },
  { name: 'all fields', contentType: 'text/plain; charset=utf-8', distance: 7, sequence: 9, timeToLive: 600, intent: 'retained' },
  { name: 'padding', inner: `a10548${'00'.repeat(8)}` },
  { name: 'empty padding', inner: 'a10540' },
  { name: 'unknown negative key', inner: 'a12063666f6f' },
  { name: 'unknown negative key with a nested value', contentType: 'x', inner: 'a2016178381882f6a120f5' },
  { name: 'first time and origin', inner: 'a2211b000001a3185c4c302243010203' },
  { name: 'first time and origin of other types', inner: 'a22163666f6f2240' },
  { name: 'sealed just before the grace ended', epoch: 9, sealedAt: base },
  { name: 'just young enough for a new subscriber', sealedAt: base - 3_597_999 },
  { name: 'sealed 60 s ahead', sealedAt: base + 62_000 },
  { name: 'sealed 5 s after the end of its sender', sender: 5, sealedAt: base + 5000 },
  { name: 'unsigned, sealed before the end of its sender', sender: 5, epoch: 2 },
  { name: 'topic with empty levels and non-ASCII', topic: 'plant//Größe/' },
  { name: 'topic of the parent', topic: 'plant' },
  ...lengths.map((count): Wanted => ({ name: `payload of ${count} bytes`, epoch: 2, repeat: { byte: 0x5a, count } })),
  { name: 'payload of 65536 bytes, CBC', epoch: 6, repeat: { byte: 0x5a, count: 65_536 } },
  { name: 'payload of 15 bytes, CBC', epoch: 6, repeat: { byte: 0x5a, count: 15 } },
]

/** The vectors of messages that open. */
export async function acceptedMessages() {
  const vectors = []
  for (const { name, payload = reading, repeat, inner, showSteps, retained = false, ...rest } of wanted) {
    const { contentType = null, distance = 1, timeToLive = null, intent = null, ...place } = rest
    const bytes = repeat ? new Uint8Array(repeat.count).fill(repeat.byte) : payload
    const fields = { ...plain, contentType, distance, timeToLive, intent }
    const plaintext = inner ? concatBytes(fromHex(inner), bytes) : encodeInner(fields, bytes)
    const { envelope, steps, header, kind, signed } = await craft({ name, plaintext, ...place })
    const isLong = envelope.length > 600
    vectors.push({
      name,
      topic: rest.topic ?? topic,
      now: base + 2000,
      retained,
      ...(isLong
        ? { envelopeHead: toHex(envelope.subarray(0, 48)), envelopeSha256: sha256(envelope) }
        : { envelope: toHex(envelope) }),
      ...(showSteps && { steps: Object.fromEntries(Object.entries(steps).map(([step, value]) => [step, toHex(value)])) }),
      expected: {
        ...header,
        session: toHex(header.session),
        kind,
        verified: signed ? 'sender' : 'channel',
        ...fields,
        ...(repeat ? { payloadRepeat: repeat } : { payload: toHex(bytes) }),
      },
    })
  }
  return vectors
}
