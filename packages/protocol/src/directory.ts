import { type Awaitable, chain } from './awaitable.ts'
import type { Cryptography, SigningKey, VerificationKey } from './cryptography.ts'
import { RecordReader } from './record-reader.ts'
import { signObject, verifyObject } from './signed-object.ts'
import type { Directory, DirectoryEntry } from './types.ts'

/** Signs the list of senders: COSE_Sign1 over a CBOR map with the fields of `Directory`. */
export function signDirectory(
  cryptography: Cryptography,
  key: SigningKey,
  directory: Directory,
): Awaitable<Uint8Array> {
  return signObject(cryptography, key, 'directory', directory)
}

/** Checks and reads a signed directory. @throws SealError `malformed`, `not-authentic` */
export function verifyDirectory(
  cryptography: Cryptography,
  authorityKey: VerificationKey,
  bytes: Uint8Array,
): Awaitable<Directory> {
  return chain(verifyObject(cryptography, authorityKey, 'directory', bytes), (content) => {
    const fields = new RecordReader(content)
    return {
      number: fields.uint('number'),
      deployment: fields.bytes('deployment', 16),
      issuedAt: fields.uint('issuedAt'),
      senders: fields.list('senders', readEntry),
    }
  })
}

function readEntry(value: unknown): DirectoryEntry {
  const fields = new RecordReader(value)
  const algorithm = fields.oneOf('algorithm', ['ES256', 'EdDSA'])
  return {
    sender: fields.uint32('sender'),
    member: fields.text('member'),
    memberName: fields.text('memberName'),
    // Another kind than this version knows has no name that grants may stand on.
    ...(fields.has('kind') && fields.text('kind') === 'device' ? { kind: 'device' as const } : {}),
    senderName: fields.text('senderName'),
    roles: fields.texts('roles'),
    algorithm,
    publicKey: fields.bytes('publicKey', algorithm === 'ES256' ? 65 : 32),
    revokedAt: fields.uintOrNull('revokedAt'),
    ...(fields.has('endedAt') ? { endedAt: fields.uint('endedAt') } : {}),
  }
}
