import {
  deriveMessageKeys,
  deriveSenderKey,
  encodeEnvelope,
  encodeExternalAad,
  encodeProtectedHeader,
  messageKey,
  suiteTable,
  topicAdditionalData,
} from '@sealmq/protocol'
import { base, channel, cryptography, current, deployment, digest, epochKey, epochs, senders, topic } from './setup.ts'

export interface Craft {
  name: string
  epoch?: number
  sender?: number
  signer?: number
  session?: string
  sequence?: number
  sealedAt?: number
  topic?: string
  /** Inner map ‖ payload. */
  plaintext: Uint8Array
  /** Signed or not, against the policy. */
  signed?: boolean
}

/** Puts an envelope together from its parts, also ones that no sealer would make. */
export async function craft(message: Craft) {
  const { name, plaintext, epoch = current, sender = 1, sequence = 0, sealedAt = base + 1000 } = message
  const { suite, kind, signing, keyCheck } = epochs.find((policy) => policy.epoch === epoch)!
  const session = digest(`session ${message.session ?? name}`, 8)
  const input = { epochKey: epochKey(epoch), deployment, channel, epoch, suite, sender }
  const senderKey = await deriveSenderKey(cryptography, input)
  const { materialLength } = suiteTable[suite]
  const material = await deriveMessageKeys(cryptography, senderKey, session, suite, materialLength)
  const protectedHeader = encodeProtectedHeader({ suite, epoch, sender, session, sealedAt, sequence })
  const binding = { deployment, channel, kind, signing, topic: message.topic ?? topic, keyCheck }
  const data = topicAdditionalData(binding)
  const encStructure = data.forEncryption(protectedHeader)
  const key = await messageKey(cryptography, suite, senderKey, session)
  const ciphertext = await key.seal(protectedHeader.subarray(-10), encStructure, plaintext)
  const toBeSigned = data.forSignature(protectedHeader, ...ciphertext)
  const signingKey = senders.find((entry) => entry.sender === (message.signer ?? sender))?.key
  const signed = message.signed ?? signing !== 'off'
  const signature = signed && signingKey ? await cryptography.sign(signingKey, toBeSigned) : null
  const envelope = encodeEnvelope(protectedHeader, signature, ...ciphertext)
  const steps = { senderKey, material, protectedHeader, externalAad: encodeExternalAad(binding), encStructure, toBeSigned }
  return { envelope, steps, header: { epoch, sender, session, sequence, sealedAt }, kind, signed }
}
