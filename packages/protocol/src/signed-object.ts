import { type Awaitable, chain } from './awaitable.ts'
import { concatBytes } from './bytes.ts'
import { encodeCbor } from './cbor.ts'
import { decodeCbor } from './cbor-reader.ts'
import type { Cryptography, SigningKey, VerificationKey } from './cryptography.ts'
import { SealError } from './error-codes.ts'
import { signatureLength } from './layout.ts'

/** What the authority signs; the name is bound into the signature, so that one kind never passes for another. */
export type SignedObjectKind = 'manifest' | 'directory'

// Protected header {1: -7}: the authority's key is ES256.
const tag18 = Uint8Array.of(0xd2)
const protectedHeader = Uint8Array.of(0xa1, 0x01, 0x26)

function signatureInput(kind: SignedObjectKind, payload: Uint8Array): Uint8Array {
  // Sig_structure (RFC 9052, 4.4); external_aad is the CBOR text "sealmq/1 manifest" or "sealmq/1 directory".
  return encodeCbor(['Signature1', protectedHeader, encodeCbor(`sealmq/1 ${kind}`), payload])
}

/** Signs deterministic CBOR as COSE_Sign1, tag 18 (RFC 9052, 4.2) with the authority's ES256 key. */
export function signObject(
  cryptography: Cryptography,
  key: SigningKey,
  kind: SignedObjectKind,
  content: unknown,
): Awaitable<Uint8Array> {
  const payload = encodeCbor(content)
  return chain(cryptography.sign(key, signatureInput(kind, payload)), (signature) =>
    concatBytes(tag18, encodeCbor([protectedHeader, new Map(), payload, signature])),
  )
}

/**
 * Checks the authority's signature and gives the content.
 * @throws SealError `malformed`, `not-authentic`
 */
export function verifyObject(
  cryptography: Cryptography,
  authorityKey: VerificationKey,
  kind: SignedObjectKind,
  bytes: Uint8Array,
): Awaitable<unknown> {
  if (bytes[0] !== tag18[0]) throw new SealError('malformed')
  const parts = decodeCbor(bytes.subarray(1))
  if (!Array.isArray(parts) || parts.length !== 4) throw new SealError('malformed')
  const [header, unprotected, payload, signature] = parts
  const shapeIsRight =
    header instanceof Uint8Array &&
    header.length === protectedHeader.length &&
    header.every((byte, index) => byte === protectedHeader[index]) &&
    unprotected instanceof Map &&
    unprotected.size === 0 &&
    payload instanceof Uint8Array &&
    signature instanceof Uint8Array &&
    signature.length === signatureLength
  if (!shapeIsRight) throw new SealError('malformed')
  return chain(cryptography.verify(authorityKey, signature, signatureInput(kind, payload)), (authentic) => {
    if (!authentic) throw new SealError('not-authentic', 'The authority did not sign this.')
    return decodeCbor(payload)
  })
}
