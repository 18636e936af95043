import { type Awaitable, chain } from './awaitable.ts'
import type { Cryptography, SigningKey, VerificationKey } from './cryptography.ts'
import { RecordReader } from './record-reader.ts'
import { signObject, verifyObject } from './signed-object.ts'
import { type EpochPolicy, type Manifest, type NarrowedGrant, type SuiteName, suites } from './types.ts'

const suiteNames = Object.keys(suites) as SuiteName[]

/** Signs what the authority states about a channel: COSE_Sign1 over a CBOR map with the fields of `Manifest`. */
export function signManifest(cryptography: Cryptography, key: SigningKey, manifest: Manifest): Awaitable<Uint8Array> {
  return signObject(cryptography, key, 'manifest', manifest)
}

/** Checks and reads a signed manifest. @throws SealError `malformed`, `not-authentic` */
export function verifyManifest(
  cryptography: Cryptography,
  authorityKey: VerificationKey,
  bytes: Uint8Array,
): Awaitable<Manifest> {
  return chain(verifyObject(cryptography, authorityKey, 'manifest', bytes), (content) => {
    const fields = new RecordReader(content)
    return {
      number: fields.uint('number'),
      deployment: fields.bytes('deployment', 16),
      channel: fields.bytes('channel', 16),
      name: fields.text('name'),
      filters: fields.texts('filters'),
      maximumAge: fields.uint('maximumAge'),
      late: fields.oneOf('late', ['mark', 'refuse']),
      lease: fields.uint('lease'),
      issuedAt: fields.uint('issuedAt'),
      publishRoles: fields.texts('publishRoles'),
      ...(fields.has('publishWithin') ? { publishWithin: fields.list('publishWithin', readNarrowedGrant) } : {}),
      subscribeRoles: fields.texts('subscribeRoles'),
      epochs: fields.list('epochs', readEpoch),
    }
  })
}

function readNarrowedGrant(value: unknown): NarrowedGrant {
  const fields = new RecordReader(value)
  return { role: fields.text('role'), filters: fields.texts('filters') }
}

function readEpoch(value: unknown): EpochPolicy {
  const fields = new RecordReader(value)
  return {
    epoch: fields.uint32('epoch'),
    suite: fields.oneOf('suite', suiteNames),
    kind: fields.oneOf('kind', ['telemetry', 'state', 'command']),
    signing: fields.oneOf('signing', ['each', 'off', 'batch']),
    keyCheck: fields.bytes('keyCheck', 32),
    sealUntil: fields.uintOrNull('sealUntil'),
    openUntil: fields.uintOrNull('openUntil'),
  }
}
