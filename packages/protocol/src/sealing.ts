import { type TopicAdditionalData, topicAdditionalData } from './additional-data.ts'
import { type Awaitable, chain } from './awaitable.ts'
import type { Cryptography, SigningKey, VerificationKey } from './cryptography.ts'
import { SealError } from './error-codes.ts'
import { encodeInner, type InnerFields } from './inner-map.ts'
import { type EnvelopeParts, encodeEnvelope, encodeProtectedHeader, type Header, partialIvOf } from './layout.ts'
import type { MessageKey } from './suites/message-key.ts'

export { type TopicAdditionalData, topicAdditionalData }

/** Seals one message: encrypt, then countersign when a signing key is given. */
export function sealEnvelope(
  cryptography: Cryptography,
  key: MessageKey,
  signingKey: SigningKey | null,
  additionalData: TopicAdditionalData,
  header: Header,
  inner: InnerFields,
  payload: Uint8Array,
): Awaitable<Uint8Array> {
  const protectedHeader = encodeProtectedHeader(header)
  const aad = additionalData.forEncryption(protectedHeader)
  return chain(key.seal(partialIvOf(protectedHeader), aad, encodeInner(inner, payload)), (ciphertext) => {
    if (!signingKey) return encodeEnvelope(protectedHeader, null, ...ciphertext)
    const signed = cryptography.sign(signingKey, additionalData.forSignature(protectedHeader, ...ciphertext))
    return chain(signed, (signature) => encodeEnvelope(protectedHeader, signature, ...ciphertext))
  })
}

/**
 * Checks the tag, then the signature when a verification key is given, and gives inner map ‖ payload.
 * @throws SealError `not-authentic`
 */
export function openEnvelope(
  cryptography: Cryptography,
  key: MessageKey,
  verificationKey: VerificationKey | null,
  additionalData: TopicAdditionalData,
  parts: EnvelopeParts,
): Awaitable<Uint8Array> {
  const { protectedHeader, partialIv, signature, ciphertext } = parts
  const aad = additionalData.forEncryption(protectedHeader)
  return chain(key.open(partialIv, aad, ciphertext), (plaintext) => {
    if (!plaintext) throw new SealError('not-authentic')
    if (!verificationKey || !signature) return plaintext
    const signed = additionalData.forSignature(protectedHeader, ciphertext)
    return chain(cryptography.verify(verificationKey, signature, signed), (authentic) => {
      if (!authentic) throw new SealError('not-authentic')
      return plaintext
    })
  })
}
