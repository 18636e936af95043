import {
  type Cryptography,
  type Directory,
  deriveKeyCheck,
  deriveSenderKey,
  type EpochPolicy,
  HeldKeyring,
  type Manifest,
  type MessageKind,
  type NarrowedGrant,
  publishRight,
  type SignatureAlgorithm,
  type SigningKey,
  type SigningPolicy,
  type SuiteName,
  signDirectory,
  signManifest,
  toBase64url,
} from '@sealmq/protocol'
import type { Keyring } from '@sealmq/protocol/api'

/** A sender of the test deployment. */
export interface TestSender {
  sender: number
  key: SigningKey
  /** Name of the device; people have none. */
  device?: string
  roles: string[]
  revokedAt: number | null
  endedAt?: number
}

export interface ChannelSettings {
  suite: SuiteName
  kind: MessageKind
  signing: SigningPolicy
  filters: string[]
  maximumAge: number
  late: 'mark' | 'refuse'
  lease: number
  publishRoles: string[]
  publishWithin?: NarrowedGrant[]
  subscribeRoles: string[]
}

/** An authority in memory, with one channel, for tests of sealing and opening. */
export class TestDeployment {
  readonly cryptography: Cryptography
  readonly id: Uint8Array
  readonly channel: Uint8Array
  readonly senders: TestSender[] = []
  readonly epochs: (EpochPolicy & { key: Uint8Array })[] = []
  authorityKey!: SigningKey
  settings: ChannelSettings = {
    suite: 'A256GCM',
    kind: 'telemetry',
    signing: 'each',
    filters: ['plant/#'],
    maximumAge: 3600,
    late: 'mark',
    lease: 86_400,
    publishRoles: ['writer'],
    subscribeRoles: ['reader'],
  }
  /** The authority's clock, ms. */
  time = 1_800_000_000_000
  /** For how long the machines of its senders have slept, ms: their monotonic clocks stood still meanwhile. */
  slept = 0
  revision = 1

  constructor(cryptography: Cryptography) {
    this.cryptography = cryptography
    this.id = cryptography.randomBytes(16)
    this.channel = cryptography.randomBytes(16)
  }

  static async create(cryptography: Cryptography, settings: Partial<ChannelSettings> = {}): Promise<TestDeployment> {
    const deployment = new TestDeployment(cryptography)
    deployment.authorityKey = await cryptography.generateSigningKey('ES256')
    Object.assign(deployment.settings, settings)
    await deployment.startEpoch(1_000)
    return deployment
  }

  async startEpoch(epoch: number): Promise<void> {
    const { suite, kind, signing } = this.settings
    const key = this.cryptography.randomBytes(32)
    const previous = this.epochs[0]
    if (previous) {
      previous.sealUntil = this.time + 300_000
      previous.openUntil = this.time + 7 * 86_400_000
    }
    const keyCheck = await deriveKeyCheck(this.cryptography, {
      epochKey: key,
      deployment: this.id,
      channel: this.channel,
      epoch,
      suite,
    })
    this.epochs.unshift({ epoch, suite, kind, signing, keyCheck, sealUntil: null, openUntil: null, key })
    this.revision++
  }

  async addSender(roles: string[], algorithm: SignatureAlgorithm = 'ES256'): Promise<TestSender> {
    const key = await this.cryptography.generateSigningKey(algorithm)
    const sender: TestSender = { sender: this.senders.length + 1, key, roles, revokedAt: null }
    this.senders.push(sender)
    this.revision++
    return sender
  }

  manifest(): Manifest {
    const { suite: _, kind: __, signing: ___, ...settings } = this.settings
    return {
      number: this.revision,
      deployment: this.id,
      channel: this.channel,
      name: 'plant',
      issuedAt: this.time,
      ...settings,
      epochs: this.epochs.map(({ key: _, ...policy }) => policy),
    }
  }

  directory(): Directory {
    return {
      number: this.revision,
      deployment: this.id,
      issuedAt: this.time,
      senders: this.senders.map(({ sender, key, roles, device, revokedAt, endedAt }) => ({
        sender,
        member: `member-${sender}`,
        memberName: device ?? `Member ${sender}`,
        ...(device === undefined ? {} : { kind: 'device' as const }),
        senderName: `sender ${sender}`,
        roles: revokedAt === null ? roles : [],
        algorithm: key.algorithm,
        publicKey: key.publicKey,
        revokedAt,
        ...(endedAt === undefined ? {} : { endedAt }),
      })),
    }
  }

  /** The keyring of one sender, as the HTTP API would answer. */
  async keyringOf({ sender, roles, device }: TestSender): Promise<Keyring> {
    const publish = publishRight({ roles, device: device ?? null }, this.settings) !== false
    const subscribe = roles.some((role) => this.settings.subscribeRoles.includes(role))
    const keys = []
    for (const { epoch, key, suite } of this.epochs) {
      if (subscribe) keys.push({ epoch, epochKey: toBase64url(key) })
      else if (publish) {
        const input = { epochKey: key, deployment: this.id, channel: this.channel, epoch, suite, sender }
        keys.push({ epoch, senderKey: toBase64url(await deriveSenderKey(this.cryptography, input)) })
      }
    }
    return {
      time: this.time,
      revision: this.revision,
      deployment: toBase64url(this.id),
      sender,
      directory: toBase64url(await signDirectory(this.cryptography, this.authorityKey, this.directory())),
      channels: [
        {
          manifest: toBase64url(await signManifest(this.cryptography, this.authorityKey, this.manifest())),
          publish,
          subscribe,
          keys,
        },
      ],
    }
  }

  /** A keyring held by a sender, on this deployment's clock; `cryptography` may be the other back end. */
  async hold(sender: TestSender, cryptography = this.cryptography): Promise<HeldKeyring> {
    const keyring = new HeldKeyring({
      cryptography,
      deployment: this.id,
      authorityKey: this.authorityKey.publicKey,
      sender: sender.sender,
      monotonic: () => this.time - this.slept,
      wallClock: () => this.time,
    })
    await keyring.apply(await this.keyringOf(sender))
    return keyring
  }
}
