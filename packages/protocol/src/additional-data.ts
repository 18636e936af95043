import { concatBytes, totalLength } from './bytes.ts'
import { byteStringHead, encodeCbor } from './cbor.ts'
import { working } from './slab.ts'
import type { MessageKind, SigningPolicy } from './types.ts'

/** What a message is bound to beside its own bytes (docs/protocol.md, "Additional data"). */
export interface Binding {
  /** 16 bytes. */
  deployment: Uint8Array
  /** 16 bytes. */
  channel: Uint8Array
  kind: MessageKind
  signing: SigningPolicy
  topic: string
  /** 32 bytes. */
  keyCheck: Uint8Array
}

/** The external_aad, the same for encryption and countersignature. */
export function encodeExternalAad(binding: Binding): Uint8Array {
  const { deployment, channel, kind, signing, topic, keyCheck } = binding
  return encodeCbor(['sealmq/1', deployment, channel, kind, signing, topic, keyCheck])
}

/** Joins what one topic's messages have in common, so that each message only adds its header. */
export interface TopicAdditionalData {
  /** Enc_structure (RFC 9052, 5.3): ["Encrypt0", protected, external_aad]. */
  forEncryption(protectedHeader: Uint8Array): Uint8Array
  /** Countersign_structure (RFC 9338, 3.3): ["CounterSignature0", protected, external_aad, ciphertext]. */
  forSignature(protectedHeader: Uint8Array, ...ciphertext: readonly Uint8Array[]): Uint8Array
}

const encryptContext = Uint8Array.of(0x83, ...encodeCbor('Encrypt0'))
// COSE_Encrypt0 has two byte strings, so other_fields is absent and the context is the one without "V2" (RFC 9338, 3.3).
const countersignContext = Uint8Array.of(0x84, ...encodeCbor('CounterSignature0'))

/** Prepares the additional data of one topic under one epoch. */
export function topicAdditionalData(binding: Binding): TopicAdditionalData {
  const externalAad = encodeExternalAad(binding)
  const external = concatBytes(byteStringHead(externalAad.length), externalAad)
  // One suite belongs to a channel's epoch, so that every header of a topic has one length.
  let before: Uint8Array = new Uint8Array(0)
  let whole: Uint8Array = new Uint8Array(0)
  return {
    forEncryption: (protectedHeader) => {
      if (whole.length !== before.length + protectedHeader.length + external.length) {
        before = concatBytes(encryptContext, byteStringHead(protectedHeader.length))
        whole = concatBytes(before, protectedHeader, external)
      }
      const structure = working.take(whole.length)
      structure.set(whole)
      structure.set(protectedHeader, before.length)
      return structure
    },
    forSignature: (protectedHeader, ...ciphertext) =>
      concatBytes(
        countersignContext,
        byteStringHead(protectedHeader.length),
        protectedHeader,
        external,
        byteStringHead(totalLength(ciphertext)),
        ...ciphertext,
      ),
  }
}
