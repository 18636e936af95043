import { type TopicAdditionalData, topicAdditionalData } from './additional-data.ts'
import { type Awaitable, chain } from './awaitable.ts'
import { BoundedMap } from './bounded-map.ts'
import { toHex } from './bytes.ts'
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

/** One epoch of a held channel, with what was derived for it so far. */
export class HeldEpoch {
  readonly policy: EpochPolicy
  readonly #cryptography: Cryptography
  readonly #manifest: Manifest
  readonly #keys: EpochKeys
  readonly #messageKeys = new BoundedMap<string, Awaitable<MessageKey>>(keptKeys)
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
    const name = `${sender}:${toHex(session)}`
    const kept = this.#messageKeys.get(name)
    if (kept) return kept
    const derived = chain(this.#senderKey(sender), (senderKey) =>
      chain(messageKey(this.#cryptography, this.policy.suite, senderKey, session), (key) => {
        this.#messageKeys.set(name, key)
        return key
      }),
    )
    this.#messageKeys.set(name, derived)
    return derived
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
