import { type Awaitable, chain } from './awaitable.ts'
import { BoundedMap } from './bounded-map.ts'
import type { Cryptography, SigningKey } from './cryptography.ts'
import { SealError } from './error-codes.ts'
import type { HeldChannel, HeldEpoch } from './held-channel.ts'
import { clockJump, type HeldKeyring } from './held-keyring.ts'
import { checkInner, type InnerFields, type Intent } from './inner-map.ts'
import { type Header, maximumEnvelopeLength, maximumUint32, sessionLength } from './layout.ts'
import { decidePublish } from './policy/publish.ts'
import { sealEnvelope } from './sealing.ts'

export interface MessageSealerOptions {
  keyring: HeldKeyring
  cryptography: Cryptography
  signingKey: SigningKey
  /** Wall clock, ms; only to notice jumps. */
  wallClock?: () => number
  /** Last sequence of a session; 2^32 - 1 unless a smaller one is given. */
  lastSequence?: number
}

export interface SealOptions {
  retained?: boolean
  command?: boolean
  will?: boolean
  contentType?: string
  /** Seconds from the sealing. */
  timeToLive?: number
  /** How long ago the message came about, ms; for what was kept before it could be sealed. */
  age?: number
  /** 1 to 32 bytes that are the same when the same message is sealed again. */
  origin?: Uint8Array
}

/** A sealed message and its place among the sender's own. */
export interface SealedMessage {
  /** A view of memory that other envelopes share: its `buffer` is more than it. */
  envelope: Uint8Array
  /** Name of the channel. */
  channel: string
  epoch: number
  /** 8 bytes. */
  session: Uint8Array
  sequence: number
  /** Authority time, ms. */
  sealedAt: number
}

const keptTopics = 10_000

interface ChannelProgress {
  next: number
  lastByTopic: Map<string, number>
}

/** Seals one sender's messages: one session, a sequence a channel (docs/protocol.md, "Sealing"). */
export class MessageSealer {
  readonly #options: MessageSealerOptions
  readonly #wallClock: () => number
  readonly #lastSequence: number
  #session: Uint8Array
  #channels = new Map<string, ChannelProgress>()
  #lastSealedAt = 0
  #clockDifference: number | null = null
  #clockJumps = 0

  constructor(options: MessageSealerOptions) {
    this.#options = options
    this.#wallClock = options.wallClock ?? Date.now
    this.#lastSequence = Math.min(options.lastSequence ?? maximumUint32, maximumUint32)
    this.#session = options.cryptography.randomBytes(sessionLength)
  }

  /**
   * Refuses at once what would be refused later.
   * @throws SealError `not-permitted`, `lease-expired`, `unknown-key`, `epoch-retired`
   */
  check(topic: string): void {
    this.#permitted(topic)
  }

  /**
   * Seals a payload for a topic; synchronously on a synchronous back end.
   * @throws SealError `not-permitted`, `lease-expired`, `unknown-key`, `epoch-retired`, `malformed` (too long)
   * @throws KeyringError `clock-unknown`
   */
  seal(topic: string, payload: Uint8Array, options: SealOptions = {}): Awaitable<SealedMessage> {
    const { held, epoch, now } = this.#permitted(topic)
    if (options.retained && epoch.policy.kind === 'command') {
      throw new SealError('not-permitted', 'A command is never retained: no receiver would take it.')
    }
    if (payload.length > maximumEnvelopeLength - 1024) throw new SealError('malformed', 'The payload is too large.')
    // Before a sequence is taken: one that is never sent would show as a gap.
    const inner = innerFields(options, now)
    checkInner(inner)
    const { cryptography, signingKey, keyring } = this.#options
    const { session, sequence, sealedAt, distance } = options.will ? this.#alone(now) : this.#next(held, topic, now)
    const { sender } = keyring
    const { suite, epoch: epochNumber } = epoch.policy
    const header: Header = { suite, epoch: epochNumber, sender, session, sealedAt, sequence }
    const key = epoch.policy.signing === 'each' ? signingKey : null
    inner.distance = distance
    if (inner.firstAt !== undefined) inner.firstAt = firstTime(options, sealedAt)
    return chain(epoch.messageKey(sender, session), (messageKey) =>
      chain(
        sealEnvelope(cryptography, messageKey, key, epoch.additionalData(topic), header, inner, payload),
        (envelope) => ({ envelope, channel: held.manifest.name, epoch: epochNumber, session, sequence, sealedAt }),
      ),
    )
  }

  #permitted(topic: string): { held: HeldChannel; epoch: HeldEpoch; now: number } {
    const { keyring } = this.#options
    const now = keyring.now()
    const held = keyring.channelOf(topic)
    const own = keyring.senderOf(keyring.sender)?.entry
    if (!held || !own || topic.startsWith('$') || !keyring.mayPublish(held, own, topic)) {
      const decision = decidePublish(keyring.rights(), topic)
      throw new SealError('not-permitted', decision.allowed ? undefined : decision.rule)
    }
    const { issuedAt, lease, epochs, name } = held.manifest
    if (now > issuedAt + lease * 1000) throw new SealError('lease-expired')
    const epoch = held.epochs.get(epochs[0]!.epoch)
    if (!epoch) throw new SealError('unknown-key', `No key is held for the channel ${name}.`)
    if (epoch.policy.signing === 'batch') throw new SealError('wrong-suite', 'Signing in batches is not offered.')
    if (epoch.policy.sealUntil !== null && now > epoch.policy.sealUntil) throw new SealError('epoch-retired')
    return { held, epoch, now }
  }

  #next(held: HeldChannel, topic: string, now: number) {
    this.#startSessionAfterJump(now)
    let progress = this.#channels.get(held.id)
    if (progress && !(progress.next <= this.#lastSequence)) {
      this.#startSession()
      progress = undefined
    }
    if (!progress) {
      progress = { next: 0, lastByTopic: new BoundedMap(keptTopics) }
      this.#channels.set(held.id, progress)
    }
    const sequence = progress.next++
    const previous = progress.lastByTopic.get(topic)
    progress.lastByTopic.set(topic, sequence)
    // Within a session time never goes back, so that a newer state is never taken for an older one.
    this.#lastSealedAt = Math.max(this.#lastSealedAt, now)
    const distance = previous === undefined ? 0 : sequence - previous
    return { session: this.#session, sequence, sealedAt: this.#lastSealedAt, distance }
  }

  // A will may be delivered long after later messages: in a session of its own no window has moved past it.
  #alone(now: number) {
    const session = this.#options.cryptography.randomBytes(sessionLength)
    return { session, sequence: 0, sealedAt: now, distance: 0 }
  }

  #startSessionAfterJump(now: number): void {
    const difference = this.#wallClock() - now
    // After a sleep the keyring has learned the time anew: only its count tells of the jump.
    const { clockJumps } = this.#options.keyring
    const jumped =
      clockJumps !== this.#clockJumps ||
      (this.#clockDifference !== null && Math.abs(difference - this.#clockDifference) > clockJump)
    this.#clockJumps = clockJumps
    if (jumped || now < this.#lastSealedAt - clockJump) this.#startSession()
    if (jumped || this.#clockDifference === null) this.#clockDifference = difference
  }

  #startSession(): void {
    this.#session = this.#options.cryptography.randomBytes(sessionLength)
    this.#channels = new Map()
    this.#lastSealedAt = 0
  }
}

function innerFields(options: SealOptions, now: number): InnerFields {
  const intent: Intent | null = options.will
    ? 'will'
    : options.retained
      ? 'retained'
      : options.command
        ? 'command'
        : null
  const inner: InnerFields = {
    contentType: options.contentType ?? null,
    distance: 0,
    timeToLive: options.timeToLive ?? null,
    intent,
  }
  if (options.age !== undefined) inner.firstAt = firstTime(options, now)
  if (options.origin !== undefined) inner.origin = options.origin
  return inner
}

function firstTime({ age = 0 }: SealOptions, sealedAt: number): number {
  return Math.max(0, sealedAt - Math.max(0, Math.round(age)))
}
