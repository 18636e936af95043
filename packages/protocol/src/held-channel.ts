import { type TopicAdditionalData, topicAdditionalData } from './additional-data.ts'
import { type Awaitable, chain } from './awaitable.ts'
import { BoundedMap } from './bounded-map.ts'
import { equalBytes, toHex } from './bytes.ts'
import type { Cryptography } from './cryptography.ts'
import { SealError } from './error-codes.ts'
import { deriveSenderKey } from './key-schedule.ts'
import { messageKey } from './suites/index.ts'
import type { MessageKey } from './suites/message-key.ts'
import type { EpochPolicy, Manifest } from './types.ts'

/** Message keys and topics kept ready for one epoch. */
const keptKeys = 4096
const keptTopics = 4096

/** The keys of one epoch that this sender holds. */
export interface EpochKeys {
  epochKey: Uint8Array | null
  senderKey: Uint8Array | null
}

/** One session of a sender, and what its messages are sealed with. */
export interface HeldSession {
  /** Hexadecimal. */
  name: string
  bytes: Uint8Array
  key: Awaitable<MessageKey>
}

/** One epoch of a held channel, with what was derived for it so far. */
export class HeldEpoch {
  readonly policy: EpochPolicy
  readonly #cryptography: Cryptography
  readonly #manifest: Manifest
  readonly #keys: EpochKeys
  readonly #sessions = new BoundedMap<string, HeldSession>(keptKeys)
  // A sender's messages mostly come of one session: comparing its bytes costs less than writing them in hexadecimal.
  readonly #latest = new BoundedMap<number, HeldSession>(keptKeys)
  readonly #topics = new BoundedMap<string, TopicAdditionalData>(keptTopics)

  constructor(cryptography: Cryptography, manifest: Manifest, policy: EpochPolicy, keys: EpochKeys) {
    this.#cryptography = cryptography
    this.#manifest = manifest
    this.policy = policy
    this.#keys = keys
  }

  get mayOpen(): boolean {
    return this.#keys.epochKey !== null
  }

  /** Whether another keyring's entry says the same, so that what was derived can be kept. */
  isSame(policy: EpochPolicy, keys: EpochKeys): boolean {
    return (
      policy.epoch === this.policy.epoch &&
      policy.suite === this.policy.suite &&
      policy.kind === this.policy.kind &&
      policy.signing === this.policy.signing &&
      toHex(policy.keyCheck) === toHex(this.policy.keyCheck) &&
      policy.sealUntil === this.policy.sealUntil &&
      policy.openUntil === this.policy.openUntil &&
      (keys.epochKey === null) === (this.#keys.epochKey === null) &&
      (keys.senderKey === null) === (this.#keys.senderKey === null)
    )
  }

  /** @throws SealError `unknown-key` */
  messageKey(sender: number, session: Uint8Array): Awaitable<MessageKey> {
    return this.session(sender, session).key
  }

  /** @throws SealError `unknown-key` */
  session(sender: number, bytes: Uint8Array): HeldSession {
    const latest = this.#latest.get(sender)
    if (latest && equalBytes(latest.bytes, bytes)) return latest
    const name = toHex(bytes)
    const known = `${sender}:${name}`
    let session = this.#sessions.get(known)
    if (!session) {
      session = this.#startSession(sender, bytes, name)
      this.#sessions.set(known, session)
    }
    this.#latest.set(sender, session)
    return session
  }

  #startSession(sender: number, bytes: Uint8Array, name: string): HeldSession {
    const derived = chain(this.#senderKey(sender), (senderKey) =>
      messageKey(this.#cryptography, this.policy.suite, senderKey, bytes),
    )
    // A copy: the bytes may be a view of a whole message.
    const session: HeldSession = { name, bytes: bytes.slice(), key: derived }
    if (derived instanceof Promise) {
      const keep = (key: MessageKey) => {
        session.key = key
      }
      derived.then(keep, () => {})
    }
    return session
  }

  additionalData(topic: string): TopicAdditionalData {
    const kept = this.#topics.get(topic)
    if (kept) return kept
    const { deployment, channel } = this.#manifest
    const { kind, signing, keyCheck } = this.policy
    const data = topicAdditionalData({ deployment, channel, kind, signing, topic, keyCheck })
    this.#topics.set(topic, data)
    return data
  }

  #senderKey(sender: number): Awaitable<Uint8Array> {
    const { epochKey, senderKey } = this.#keys
    if (!epochKey) {
      if (!senderKey) throw new SealError('unknown-key')
      return senderKey
    }
    const { deployment, channel } = this.#manifest
    const { epoch, suite } = this.policy
    return deriveSenderKey(this.#cryptography, { epochKey, deployment, channel, epoch, suite, sender })
  }
}

/** One channel of the keyring. */
export interface HeldChannel {
  /** Channel id, hexadecimal. */
  id: string
  manifest: Manifest
  epochs: ReadonlyMap<number, HeldEpoch>
}
