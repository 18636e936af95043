import { createHash } from 'node:crypto'
import {
  decodeEnvelope,
  type EnvelopeParts,
  SealError,
  type TopicAdditionalData,
  toHex,
  topicAdditionalData,
  type VerificationKey,
} from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import type { EpochBinding, PublicDirectory, PublicSender } from './message-directory.ts'

/** What a signature turned out to be. Without the epoch's key check nothing can be said of it. */
export type SignatureState = 'good' | 'bad' | 'none' | 'unknown sender' | 'unknown epoch'

/** What a message shows without any key. */
export type CheckedMessage =
  | {
      form: 'envelope'
      epoch: number
      sender: number
      /** Hexadecimal. */
      session: string
      sequence: number
      signature: SignatureState
      /** The epoch's policy is that nobody signs; null when the epoch is not known. */
      unsigned: boolean | null
      /** Of the envelope, hexadecimal. */
      sha256: string
    }
  | { form: 'malformed'; code: string; sha256: string }
  /** No envelope: it takes away the retained message of its topic. */
  | { form: 'empty' }

/** Topics whose additional data are kept. */
const keptTopics = 10_000
/** Characters of a topic at most. */
const keptLength = 256

/** Checks messages with nothing but what is public: key checks of epochs and public keys of senders. */
export class PublicCheck {
  readonly #deployment: Uint8Array
  #directories: PublicDirectory[] = []
  readonly #keys = new Map<number, VerificationKey | null>()
  readonly #additionalData = new Map<string, TopicAdditionalData>()

  /** @param deployment 16 bytes */
  constructor(deployment: Uint8Array) {
    this.#deployment = deployment
  }

  /** The one before is kept: a message may have come under it. */
  learn(directory: PublicDirectory): void {
    this.#directories = [directory, ...this.#directories.slice(0, 1)]
  }

  /** @param channel id, 32 hexadecimal digits */
  check(channel: string, topic: string, envelope: Uint8Array): CheckedMessage {
    if (envelope.length === 0) return { form: 'empty' }
    const sha256 = createHash('sha256').update(envelope).digest('hex')
    let parts: EnvelopeParts
    try {
      parts = decodeEnvelope(envelope)
    } catch (error) {
      return { form: 'malformed', code: error instanceof SealError ? error.code : 'malformed', sha256 }
    }
    const { epoch, sender, session, sequence } = parts.header
    const found = this.#epoch(channel, epoch)
    const signature = this.#signature(parts, found, topic)
    const unsigned = found && found.binding.signing === 'off'
    return { form: 'envelope', epoch, sender, session: toHex(session), sequence, signature, unsigned, sha256 }
  }

  #signature(parts: EnvelopeParts, found: FoundEpoch | null, topic: string): SignatureState {
    const { header, protectedHeader, ciphertext, signature } = parts
    if (!signature) return 'none'
    const key = this.#key(header.sender)
    if (key === undefined) return 'unknown sender'
    if (!found) return 'unknown epoch'
    if (!key) return 'bad'
    const signed = this.#bindingOf(found, header.epoch, topic).forSignature(protectedHeader, ciphertext)
    return nodeCryptography.verify(key, signature, signed) === true ? 'good' : 'bad'
  }

  #epoch(key: string, epoch: number): FoundEpoch | null {
    for (const { channels } of this.#directories) {
      const channel = channels.get(key)
      const binding = channel?.epochs.get(epoch)
      if (channel && binding) return { channel: channel.id, key, binding }
    }
    return null
  }

  #bindingOf({ channel, key, binding }: FoundEpoch, epoch: number, topic: string): TopicAdditionalData {
    const name = `${key} ${epoch} ${topic}`
    const known = this.#additionalData.get(name)
    if (known) return known
    const { kind, signing, keyCheck } = binding
    const made = topicAdditionalData({ deployment: this.#deployment, channel, kind, signing, topic, keyCheck })
    if (topic.length > keptLength) return made
    if (this.#additionalData.size >= keptTopics) this.#additionalData.clear()
    this.#additionalData.set(name, made)
    return made
  }

  // A number is given once, and its key never changes.
  #key(sender: number): VerificationKey | null | undefined {
    const known = this.#keys.get(sender)
    if (known !== undefined) return known
    const entry = this.#directories.map(({ senders }) => senders.get(sender)).find((found) => found)
    if (!entry) return undefined
    const key = importKey(entry)
    this.#keys.set(sender, key)
    return key
  }
}

interface FoundEpoch {
  channel: Uint8Array
  key: string
  binding: EpochBinding
}

// Node's back end answers at once.
function importKey({ algorithm, publicKey }: PublicSender): VerificationKey | null {
  try {
    return nodeCryptography.importVerificationKey(algorithm, publicKey) as VerificationKey
  } catch {
    return null
  }
}
