import type { Keyring, KeyringChannel } from './api/keyring.ts'
import { type Awaitable, chain } from './awaitable.ts'
import { BoundedMap } from './bounded-map.ts'
import { equalBytes, fromBase64url, toHex } from './bytes.ts'
import type { Cryptography, VerificationKey } from './cryptography.ts'
import { verifyDirectory } from './directory.ts'
import { SealError } from './error-codes.ts'
import { type EpochKeys, type HeldChannel, HeldEpoch } from './held-channel.ts'
import { deriveKeyCheck } from './key-schedule.ts'
import { KeyringError } from './keyring-error.ts'
import { verifyManifest } from './manifest.ts'
import { type Publisher, publishRight } from './policy/publish-right.ts'
import type { ChannelRights, PublishRight } from './policy/rights.ts'
import { topicMatches } from './topic-filter.ts'
import { topicNameFault } from './topic-name.ts'
import type {
  Directory,
  DirectoryEntry,
  EpochPolicy,
  Manifest,
  MessageKind,
  SigningPolicy,
  SuiteName,
} from './types.ts'

/** The highest numbers seen, to keep on disk: a client never goes back behind them. */
export interface RememberedNumbers {
  directory: number
  /** By channel id, hexadecimal. */
  channels: Record<string, number>
}

export interface HeldKeyringOptions {
  cryptography: Cryptography
  /** 16 bytes, pinned at login. */
  deployment: Uint8Array
  /** 65-byte SEC1 point, pinned at login. */
  authorityKey: Uint8Array
  /** This sender's id. */
  sender: number
  /** Monotonic clock, ms. */
  monotonic: () => number
  /** Wall clock, ms; only to notice jumps: while a machine sleeps, its monotonic clock stands still. */
  wallClock?: () => number
  /** Called when the authority's time is lost by a jump: the keyring is to be read anew at once. */
  clockLost?: () => void
  remembered?: RememberedNumbers | undefined
}

/** When and by which clocks a keyring was asked for. */
export interface Measured {
  /** Monotonic, ms; half the way is added to the answer's time. */
  askedAt: number
  answeredAt: number
  /** `clockDifference()` when it was asked for: a sleep on the way shows as a jump too. */
  clockDifference?: number
}

/** A sender as the directory knows it. */
export interface HeldSender {
  entry: DirectoryEntry
  verificationKey: () => Awaitable<VerificationKey>
}

/** What is held of one channel, for people to see. */
export interface ChannelSummary extends ChannelRights {
  kind: MessageKind
  signing: SigningPolicy
  suite: SuiteName
  /** The current epoch's number. */
  epoch: number
  /** Seconds after which telemetry is late and commands are stale. */
  maximumAge: number
  /** Authority time, ms, until which sealing may go on without a newer manifest. */
  leaseUntil: number
}

const keptTopics = 10_000
/** A jump of wall clock and monotonic clock against each other beyond this loses the time and ends sessions, ms. */
export const clockJump = 5_000

/**
 * What this sender holds now: verified manifests, directory and keys, and the authority's time.
 * Every `apply` replaces all of it at once, or, when anything is wrong, nothing.
 */
export class HeldKeyring {
  readonly sender: number
  readonly #options: HeldKeyringOptions
  #channels = new Map<string, HeldChannel>()
  #senders = new Map<number, HeldSender>()
  #topics = new BoundedMap<string, HeldChannel>(keptTopics)
  #publishRights = new BoundedMap<string, PublishRight>(keptTopics)
  #numbers: RememberedNumbers
  #clockOffset: number | null = null
  #differenceThen = 0
  #clockJumps = 0
  #revision = -1

  constructor(options: HeldKeyringOptions) {
    this.#options = options
    this.sender = options.sender
    this.#numbers = options.remembered ?? { directory: 0, channels: {} }
  }

  /** The authority's revision that this keyring is of; -1 before the first. */
  get revision(): number {
    return this.#revision
  }

  /** The authority's time now, ms. @throws KeyringError `clock-unknown` */
  now(): number {
    const monotonic = this.#options.monotonic()
    if (!this.#knowsTime(monotonic)) throw new KeyringError('clock-unknown')
    return Math.floor(monotonic + this.#clockOffset!)
  }

  /** False before the first keyring, and from a jump of the clocks until the next one (docs/protocol.md, 9). */
  get isTimeKnown(): boolean {
    return this.#knowsTime(this.#options.monotonic())
  }

  #knowsTime(monotonic: number): boolean {
    const { wallClock = Date.now } = this.#options
    if (this.#clockOffset !== null && this.#isJump(wallClock() - monotonic)) {
      this.#clockOffset = null
      this.#clockJumps++
      this.#options.clockLost?.()
    }
    return this.#clockOffset !== null
  }

  /** How often the clocks have jumped. */
  get clockJumps(): number {
    return this.#clockJumps
  }

  /** Wall clock less monotonic clock, ms. */
  clockDifference(): number {
    const { wallClock = Date.now, monotonic } = this.#options
    return wallClock() - monotonic()
  }

  #isJump(difference: number): boolean {
    return Math.abs(difference - this.#differenceThen) > clockJump
  }

  /** The highest numbers seen, to be given back as `remembered` after a restart. */
  numbers(): RememberedNumbers {
    return copyNumbers(this.#numbers)
  }

  /** How long sealing may go on without a newer manifest, seconds, of each channel. */
  leases(): number[] {
    return [...this.#channels.values()].map(({ manifest }) => manifest.lease)
  }

  /** What this sender may do now. */
  rights(): ChannelRights[] {
    const own = this.#senders.get(this.sender)?.entry
    const roles = own?.roles ?? []
    return [...this.#channels.values()].map(({ manifest }) => ({
      channel: manifest.name,
      filters: manifest.filters,
      publish: own ? publishRight(publisher(own), manifest) : false,
      subscribe: roles.some((role) => manifest.subscribeRoles.includes(role)),
    }))
  }

  /** What is held of each channel that this sender may use now. */
  channels(): ChannelSummary[] {
    const manifests = [...this.#channels.values()].map(({ manifest }) => manifest)
    return this.rights().map((rights, index) => {
      const { epochs, maximumAge, issuedAt, lease } = manifests[index]!
      const { kind, signing, suite, epoch } = epochs[0]!
      return { ...rights, kind, signing, suite, epoch, maximumAge, leaseUntil: issuedAt + lease * 1000 }
    })
  }

  /** The channel that holds a topic name; channels are disjoint, so there is at most one. */
  channelOf(topic: string): HeldChannel | null {
    const kept = this.#topics.get(topic)
    if (kept) return kept
    if (topicNameFault(topic)) return null
    for (const channel of this.#channels.values()) {
      if (channel.manifest.filters.some((filter) => topicMatches(filter, topic))) {
        this.#topics.set(topic, channel)
        return channel
      }
    }
    return null
  }

  /** Whether a sender may publish on a topic of a channel, by what the authority signed about both. */
  mayPublish({ id, manifest }: HeldChannel, entry: DirectoryEntry, topic: string): boolean {
    const key = `${id} ${entry.sender}`
    let right = this.#publishRights.get(key)
    if (right === undefined) {
      right = publishRight(publisher(entry), manifest)
      this.#publishRights.set(key, right)
    }
    return right === true || (right !== false && right.some((filter) => topicMatches(filter, topic)))
  }

  senderOf(sender: number): HeldSender | null {
    return this.#senders.get(sender) ?? null
  }

  /**
   * Verifies a keyring and takes it over.
   * @param keyring the authority's answer
   * @param measured when the answer was asked for and came
   * @throws KeyringError `malformed`, `authority-signature`, `rollback`, `wrong-deployment`, `key-check`
   */
  async apply(keyring: Keyring, measured?: Measured): Promise<{ changed: boolean; removedChannels: string[] }> {
    const { cryptography, authorityKey, deployment, monotonic } = this.#options
    if (!hasShape(keyring) || keyring.sender !== this.sender) throw new KeyringError('malformed')
    const answeredAt = measured?.answeredAt ?? monotonic()
    const difference = measured?.clockDifference ?? this.clockDifference()
    const { directory, channels } = await asKeyringError(async () => {
      const key = await cryptography.importVerificationKey('ES256', authorityKey)
      const directory = await verifyDirectory(cryptography, key, fromBase64url(keyring.directory))
      checkDeployment(directory, deployment)
      const channels: HeldChannel[] = []
      for (const channel of keyring.channels) {
        const manifest = await verifyManifest(cryptography, key, fromBase64url(channel.manifest))
        checkDeployment(manifest, deployment)
        channels.push(await this.#hold(manifest, channel))
      }
      return { directory, channels }
    })
    const numbers = this.#advance(directory, channels)
    const before = this.#channels
    const changed = keyring.revision !== this.#revision
    this.#numbers = numbers
    this.#senders = this.#holdSenders(directory)
    this.#channels = new Map(channels.map((channel) => [channel.id, channel]))
    this.#topics = new BoundedMap(keptTopics)
    this.#publishRights = new BoundedMap(keptTopics)
    this.#revision = keyring.revision
    const onTheWay = measured ? (measured.answeredAt - measured.askedAt) / 2 : 0
    if (this.#clockOffset !== null && this.#isJump(difference)) this.#clockJumps++
    this.#clockOffset = keyring.time + onTheWay - answeredAt
    this.#differenceThen = difference
    const removed = [...before.values()].filter(({ id }) => !this.#channels.has(id))
    return { changed, removedChannels: removed.map(({ manifest }) => manifest.name) }
  }

  /** Forgets every key, for example when the authority says that this sender is revoked. */
  clear(): void {
    this.#channels = new Map()
    this.#senders = new Map()
    this.#topics.clear()
    this.#publishRights.clear()
  }

  // The numbers only grow, also past channels that this sender no longer holds.
  #advance(directory: Directory, channels: HeldChannel[]): RememberedNumbers {
    const numbers = copyNumbers(this.#numbers)
    if (directory.number < numbers.directory) throw new KeyringError('rollback')
    numbers.directory = directory.number
    for (const { id, manifest } of channels) {
      if (manifest.number < (numbers.channels[id] ?? 0)) throw new KeyringError('rollback')
      numbers.channels[id] = manifest.number
    }
    return numbers
  }

  async #hold(manifest: Manifest, { keys }: KeyringChannel): Promise<HeldChannel> {
    const id = toHex(manifest.channel)
    if (manifest.epochs.length === 0) throw new KeyringError('malformed')
    const epochs = new Map<number, HeldEpoch>()
    for (const policy of manifest.epochs) {
      const given = keys.find(({ epoch }) => epoch === policy.epoch)
      if (!given) continue
      const epochKeys: EpochKeys = { epochKey: readKey(given.epochKey), senderKey: readKey(given.senderKey) }
      if (epochKeys.epochKey) await this.#checkKey(manifest, policy, epochKeys.epochKey)
      const held = this.#channels.get(id)?.epochs.get(policy.epoch)
      const kept = held?.isSame(policy, epochKeys) ? held : null
      epochs.set(policy.epoch, kept ?? new HeldEpoch(this.#options.cryptography, manifest, policy, epochKeys))
    }
    return { id, manifest, epochs }
  }

  async #checkKey(manifest: Manifest, { epoch, suite, keyCheck }: EpochPolicy, epochKey: Uint8Array): Promise<void> {
    const { deployment, channel } = manifest
    const derived = await deriveKeyCheck(this.#options.cryptography, { epochKey, deployment, channel, epoch, suite })
    if (!equalBytes(derived, keyCheck)) throw new KeyringError('key-check')
  }

  // Keys are imported when first used: a directory may list thousands of senders.
  #holdSenders(directory: Directory): Map<number, HeldSender> {
    return new Map(
      directory.senders.map((entry) => {
        const known = this.#senders.get(entry.sender)
        const isSame =
          known && known.entry.algorithm === entry.algorithm && equalBytes(known.entry.publicKey, entry.publicKey)
        return [entry.sender, { entry, verificationKey: isSame ? known.verificationKey : this.#lazyKey(entry) }]
      }),
    )
  }

  #lazyKey({ algorithm, publicKey }: DirectoryEntry): () => Awaitable<VerificationKey> {
    let imported: Awaitable<VerificationKey> | null = null
    return () => {
      imported ??= chain(this.#options.cryptography.importVerificationKey(algorithm, publicKey), (key) => {
        imported = key
        return key
      })
      return imported
    }
  }
}

const publisher = ({ roles, memberName, kind }: DirectoryEntry): Publisher => ({
  roles,
  device: kind === 'device' ? memberName : null,
})

async function asKeyringError<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof SealError)) throw error
    throw new KeyringError(error.code === 'not-authentic' ? 'authority-signature' : 'malformed')
  }
}

function readKey(text: string | undefined): Uint8Array | null {
  if (text === undefined) return null
  const key = fromBase64url(text)
  if (key.length !== 32) throw new KeyringError('malformed')
  return key
}

function checkDeployment(signed: Directory | Manifest, deployment: Uint8Array): void {
  if (!equalBytes(signed.deployment, deployment)) throw new KeyringError('wrong-deployment')
}

// A time that is no number would make every comparison with it false, and so every age right.
function hasShape({ time, revision, directory, channels }: Keyring): boolean {
  return (
    Number.isFinite(time) &&
    Number.isSafeInteger(revision) &&
    typeof directory === 'string' &&
    Array.isArray(channels) &&
    channels.every(({ manifest, keys }) => typeof manifest === 'string' && Array.isArray(keys))
  )
}

function copyNumbers(numbers: RememberedNumbers): RememberedNumbers {
  return { directory: numbers.directory, channels: { ...numbers.channels } }
}
