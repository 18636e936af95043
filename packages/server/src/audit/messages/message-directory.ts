import type { AuditActor } from '@sealmq/audit-log'
import { fromHex, type MessageKind, type SignatureAlgorithm, type SigningPolicy, topicMatches } from '@sealmq/protocol'
import type { AuditLevel } from '@sealmq/protocol/api'
import type { DatabaseTransaction } from '../../store/schema.ts'

/** What a signature of an epoch is bound to; none of it is secret. */
export interface EpochBinding {
  kind: MessageKind
  signing: SigningPolicy
  /** 32 bytes. */
  keyCheck: Uint8Array
}

/** A channel as the audit of messages needs it. */
export interface AuditedChannel {
  id: string
  name: string
  filters: readonly string[]
  level: AuditLevel
  /** Whether messages of its newest epoch carry signatures. */
  signed: boolean
  epochs: ReadonlyMap<number, EpochBinding>
}

/** A sender as records name it, and the key that its signatures are checked with. */
export interface AuditedSender {
  actor: AuditActor
  /** Of the sender. */
  name: string
  algorithm: SignatureAlgorithm
  publicKey: Uint8Array
}

/** The public half of it all, as a worker gets it: what signatures are checked with. */
export interface PublicDirectory {
  /** By the id in hexadecimal. */
  channels: ReadonlyMap<string, { id: Uint8Array; epochs: ReadonlyMap<number, EpochBinding> }>
  senders: ReadonlyMap<number, PublicSender>
}

export type PublicSender = Pick<AuditedSender, 'algorithm' | 'publicKey'>

/** Topics whose channel is remembered. */
const rememberedTopics = 10_000
/** Characters; a longer topic is looked up each time. */
const rememberedLength = 256

/** Channels and senders as they were at one moment; it is never changed, only replaced. */
export class MessageDirectory {
  readonly channels: readonly AuditedChannel[]
  readonly senders: ReadonlyMap<number, AuditedSender>
  readonly #byTopic = new Map<string, AuditedChannel | null>()

  constructor(channels: readonly AuditedChannel[], senders: ReadonlyMap<number, AuditedSender>) {
    this.channels = channels
    this.senders = senders
  }

  /** The channel that holds a topic; filters of channels are disjoint. */
  channelOf(topic: string): AuditedChannel | null {
    const known = this.#byTopic.get(topic)
    if (known !== undefined) return known
    const found = this.channels.find(({ filters }) => filters.some((filter) => topicMatches(filter, topic))) ?? null
    if (topic.length > rememberedLength) return found
    if (this.#byTopic.size >= rememberedTopics) this.#byTopic.clear()
    this.#byTopic.set(topic, found)
    return found
  }

  publicPart(): PublicDirectory {
    return {
      channels: new Map(this.channels.map(({ id, epochs }) => [id, { id: fromHex(id), epochs }])),
      senders: new Map(
        [...this.senders].map(([sender, { algorithm, publicKey }]) => [sender, { algorithm, publicKey }]),
      ),
    }
  }
}

/**
 * Reads channels with the epochs that still open, and all senders, the revoked too, as the signed directory lists them.
 * @param now ms
 */
export async function readMessageDirectory(store: DatabaseTransaction, now: number): Promise<MessageDirectory> {
  const channels = await store.selectFrom('channels').select(['id', 'name', 'audit']).execute()
  const filters = Map.groupBy(
    await store.selectFrom('channel_filters').selectAll().execute(),
    ({ channel_id }) => channel_id,
  )
  const epochs = Map.groupBy(
    await store
      .selectFrom('epochs')
      .select(['channel_id', 'epoch', 'kind', 'signing', 'key_check', 'seal_until'])
      .where((eb) => eb.or([eb('open_until', 'is', null), eb('open_until', '>=', now)]))
      .execute(),
    ({ channel_id }) => channel_id,
  )
  return new MessageDirectory(
    channels.map(({ id, name, audit }) => {
      const own = epochs.get(id) ?? []
      return {
        id,
        name,
        filters: (filters.get(id) ?? []).map(({ filter }) => filter),
        level: audit,
        signed: own.find(({ seal_until }) => seal_until === null)?.signing !== 'off',
        epochs: new Map(
          own.map(({ epoch, kind, signing, key_check }) => [
            epoch,
            { kind, signing, keyCheck: new Uint8Array(key_check) },
          ]),
        ),
      }
    }),
    await readSenders(store),
  )
}

async function readSenders(store: DatabaseTransaction): Promise<Map<number, AuditedSender>> {
  const senders = await store
    .selectFrom('senders')
    .leftJoin('members', 'members.id', 'senders.member_id')
    .select(['sender', 'member_id', 'senders.name as name', 'algorithm', 'public_key', 'email'])
    .execute()
  const roles = Map.groupBy(
    await store
      .selectFrom('member_roles')
      .innerJoin('roles', 'roles.id', 'member_roles.role_id')
      .select(['member_id', 'name'])
      .orderBy('name')
      .execute(),
    ({ member_id }) => member_id,
  )
  return new Map(
    senders.map(({ sender, member_id, name, algorithm, public_key, email }) => [
      sender,
      {
        actor: {
          kind: 'sender',
          member: member_id,
          sender,
          name: email,
          roles: (roles.get(member_id) ?? []).map((role) => role.name),
        },
        name,
        algorithm,
        publicKey: new Uint8Array(public_key),
      },
    ]),
  )
}
