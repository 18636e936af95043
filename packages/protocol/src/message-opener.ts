import { type Awaitable, chain } from './awaitable.ts'
import { toHex } from './bytes.ts'
import type { Cryptography } from './cryptography.ts'
import { SealError } from './error-codes.ts'
import type { HeldChannel, HeldEpoch, HeldSession } from './held-channel.ts'
import type { HeldKeyring, HeldSender } from './held-keyring.ts'
import { decodeInner, type InnerFields } from './inner-map.ts'
import { decodeEnvelope, type EnvelopeParts } from './layout.ts'
import type { Gap, MessagePosition, ReplayState } from './replay-state.ts'
import { openEnvelope } from './sealing.ts'
import type { Manifest, MessageKind } from './types.ts'

export interface MessageOpenerOptions {
  keyring: HeldKeyring
  cryptography: Cryptography
  replay: ReplayState
}

/** How the broker handed a message over. */
export interface Delivery {
  /** The RETAIN flag: stored by the broker before. */
  retained: boolean
  /** Through a shared subscription. */
  shared?: boolean
  /** The DUP flag. */
  duplicate?: boolean
}

/** A message that was opened, with all that is known of it. */
export interface OpenedMessage {
  payload: Uint8Array
  topic: string
  /** Name of the channel. */
  channel: string
  kind: MessageKind
  sender: number
  /** Member id. */
  member: string
  memberName: string
  senderName: string
  /** `channel`: unsigned, so that any reader of the channel could have sent it. */
  verified: 'sender' | 'channel'
  epoch: number
  /** Hexadecimal. */
  session: string
  sequence: number
  /** Authority time, ms. */
  sealedAt: number
  /** Authority time, ms, when the message came about: earlier than `sealedAt` where it was kept before it was sealed. */
  firstAt: number
  /** Hexadecimal; the same when the sender sealed the same message again, for example after it was killed. */
  origin: string | null
  /** ms between coming about and now. */
  age: number
  /** Older than the channel's maximum age. */
  late: boolean
  /** The same message again by a redelivery or as retained state: acknowledge it, do not deliver it. */
  repeat: boolean
  gap: Gap | null
  contentType: string | null
  /**
   * Sealed as a last will, when the connection was made: the sender's word for its own end. The broker sends it when it likes, so
   * it is a hint and no proof that the sender is gone. It opens once.
   */
  will: boolean
  retained: boolean
}

/** A sender's idea of the authority's time may be ahead of it by so much, ms. */
const endTolerance = 5_000

interface Context {
  topic: string
  parts: EnvelopeParts
  held: HeldChannel
  epoch: HeldEpoch
  from: HeldSender
  delivery: Delivery
}

/** Opens messages: layout, epoch and sender, tag, signature, right, replay, in this order (docs/protocol.md, "Opening"). */
export class MessageOpener {
  readonly #options: MessageOpenerOptions

  constructor(options: MessageOpenerOptions) {
    this.#options = options
  }

  /**
   * Opens an envelope as received; synchronously on a synchronous back end. On one that is not, errors of the first
   * checks are thrown at once and the later ones reject.
   * @throws SealError of every code but `lease-expired`
   * @throws KeyringError `clock-unknown`
   */
  open(topic: string, envelope: Uint8Array, delivery: Delivery): Awaitable<OpenedMessage> {
    const context = this.#lookUp(topic, decodeEnvelope(envelope), delivery)
    const { parts, epoch, from } = context
    const signed = epoch.policy.signing === 'each'
    const session = epoch.session(parts.header.sender, parts.header.session)
    return chain(session.key, (key) =>
      chain(signed ? from.verificationKey() : null, (verificationKey) =>
        chain(
          openEnvelope(this.#options.cryptography, key, verificationKey, epoch.additionalData(topic), parts),
          (plaintext) => this.#accept(context, session, plaintext),
        ),
      ),
    )
  }

  #lookUp(topic: string, parts: EnvelopeParts, delivery: Delivery): Context {
    const { keyring } = this.#options
    const { header, signature } = parts
    const held = keyring.channelOf(topic)
    const epoch = held?.epochs.get(header.epoch)
    if (!held || !epoch?.mayOpen) throw new SealError('unknown-key')
    const { openUntil, suite, signing } = epoch.policy
    if (openUntil !== null && keyring.now() > openUntil) throw new SealError('epoch-retired')
    const from = keyring.senderOf(header.sender)
    if (!from) throw new SealError('unknown-sender')
    if (from.entry.revokedAt !== null) throw new SealError('revoked')
    if (header.sealedAt > (from.entry.endedAt ?? Number.POSITIVE_INFINITY) + endTolerance)
      throw new SealError('revoked')
    if (header.suite !== suite || signing === 'batch') throw new SealError('wrong-suite')
    if ((signing === 'each') !== (signature !== null)) throw new SealError('wrong-suite')
    return { topic, parts, held, epoch, from, delivery }
  }

  // All of this is one step, so that two copies opened at once cannot both be accepted.
  #accept(lookedUp: Context, { name: session }: HeldSession, plaintext: Uint8Array): OpenedMessage {
    const { topic, parts, held, epoch, from, delivery } = this.#current(lookedUp)
    const { header } = parts
    const { fields, payload } = decodeInner(plaintext)
    const { manifest } = held
    if (!this.#options.keyring.mayPublish(held, from.entry, topic)) throw new SealError('not-permitted')
    const { sealUntil, kind, signing } = epoch.policy
    if (sealUntil !== null && header.sealedAt > sealUntil) throw new SealError('epoch-retired')
    const now = this.#options.keyring.now()
    const { sender, sequence, sealedAt } = header
    const position: MessagePosition = { channel: held.id, sender, session, sequence, sealedAt, topic }
    const firstAt = firstTime(fields, sealedAt)
    const age = Math.max(0, now - firstAt)
    const { repeat, gap } = this.#judge(position, fields, manifest, kind, delivery, now)
    return {
      payload,
      topic,
      channel: manifest.name,
      kind,
      sender,
      member: from.entry.member,
      memberName: from.entry.memberName,
      senderName: from.entry.senderName,
      verified: signing === 'each' ? 'sender' : 'channel',
      epoch: header.epoch,
      session,
      sequence,
      sealedAt,
      firstAt,
      origin: fields.origin ? toHex(fields.origin) : null,
      age,
      late: kind === 'telemetry' && age > manifest.maximumAge * 1000,
      repeat,
      gap,
      contentType: fields.contentType,
      will: fields.intent === 'will',
      retained: delivery.retained,
    }
  }

  // On an asynchronous back end a new keyring may have come meanwhile: what it revokes is not accepted any more.
  #current(context: Context): Context {
    const { keyring } = this.#options
    const isCurrent = keyring.channelOf(context.topic) === context.held
    return isCurrent ? context : this.#lookUp(context.topic, context.parts, context.delivery)
  }

  #judge(
    position: MessagePosition,
    fields: InnerFields,
    manifest: Manifest,
    kind: MessageKind,
    delivery: Delivery,
    now: number,
  ): { repeat: boolean; gap: Gap | null } {
    const { replay } = this.#options
    if (kind === 'command' && (delivery.retained || delivery.shared)) {
      throw new SealError('stale', 'A command is never taken from a retained message or a shared subscription.')
    }
    const startFloor = now - manifest.maximumAge * 1000
    const seen = kind === 'state' ? replay.isLastState(position, now) : replay.wasAccepted(position, now, startFloor)
    if (seen) {
      if (delivery.duplicate || delivery.retained) return { repeat: true, gap: null }
      throw new SealError('replayed')
    }
    this.#checkAge(position, fields, manifest, kind, now)
    if (kind === 'state') return { repeat: false, gap: replay.acceptState(position, fields.distance) }
    return { repeat: false, gap: replay.accept(position, fields.distance, startFloor) }
  }

  #checkAge({ sealedAt }: MessagePosition, fields: InnerFields, manifest: Manifest, kind: MessageKind, now: number) {
    const { maximumAge, late } = manifest
    const age = now - firstTime(fields, sealedAt)
    const isOver =
      fields.timeToLive === null
        ? kind === 'command' && age > maximumAge * 1000
        : now - sealedAt > fields.timeToLive * 1000
    if (isOver) throw new SealError('stale', 'Its time to live is over.')
    if (kind === 'telemetry' && late === 'refuse' && age > maximumAge * 1000) throw new SealError('stale')
  }
}

// A message cannot come about after it was sealed.
const firstTime = ({ firstAt }: InnerFields, sealedAt: number) => Math.min(firstAt ?? sealedAt, sealedAt)
