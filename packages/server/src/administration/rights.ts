import { timingSafeEqual } from 'node:crypto'
import { type ChannelRights, publishRight } from '@sealmq/protocol'
import { MessageDirectory, readMessageDirectory } from '../audit/messages/message-directory.ts'
import { readBrokerGrants } from '../broker/broker-grants.ts'
import type { BrokerPolicy } from '../broker/interface.ts'
import { hashSecret } from '../identity/secrets.ts'
import { brokerUsername } from '../identity/senders.ts'
import { sessionLives } from '../identity/session-senders.ts'
import { consistentRead } from '../store/consistent-read.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import { publishGrants } from './grants.ts'

interface SenderRights {
  brokerHash: Uint8Array
  rights: readonly ChannelRights[]
  /** When its session is over, ms; infinite for one that is bound to none. */
  until: number
}

const noHash = new Uint8Array(32)

/**
 * Every living sender's credential and rights, in memory, as the store had them after the last change; and of the same
 * moment what the audit of messages needs.
 */
export class RightsSnapshot implements BrokerPolicy {
  readonly #store: Database
  readonly #now: () => number
  readonly #ofEverybody: readonly ChannelRights[]
  #senders = new Map<number, SenderRights>()
  #directory = new MessageDirectory([], new Map())
  #current = false
  #reloading: Promise<void> = Promise.resolve()

  /**
   * @param now ms
   * @param publicTopic what every sender may subscribe to, by exactly this name, and none may publish on
   */
  constructor(store: Database, now: () => number, publicTopic: string | null = null) {
    this.#store = store
    this.#now = now
    this.#ofEverybody =
      publicTopic === null ? [] : [{ channel: publicTopic, filters: [publicTopic], publish: false, subscribe: true }]
  }

  /** Reads the store again. Until the first time nobody may do anything. */
  reload(): Promise<void> {
    // One after the other: a reading that began earlier must not replace a later one.
    const reloaded = this.#reloading.then(() => consistentRead(this.#store, (transaction) => this.#read(transaction)))
    this.#reloading = reloaded.catch(() => {})
    return reloaded
  }

  /** What is known is old: until it was read again, nobody may do anything. */
  invalidate(): void {
    this.#current = false
  }

  get current(): boolean {
    return this.#current
  }

  /** As it was read last, also while rights are not known. */
  get directory(): MessageDirectory {
    return this.#directory
  }

  async #read(store: DatabaseTransaction): Promise<void> {
    const directory = await readMessageDirectory(store, this.#now())
    const senders = await store
      .selectFrom('senders')
      .innerJoin('members', 'members.id', 'senders.member_id')
      .select(['sender', 'member_id', 'broker_hash', 'email', 'kind', 'session_until as until'])
      .where('revoked_at', 'is', null)
      .where(sessionLives(this.#now()))
      .where('locked_at', 'is', null)
      .execute()
    const roles = await store.selectFrom('member_roles').selectAll().execute()
    const grants = await readBrokerGrants(store)
    const channels = await store.selectFrom('channels').select(['id', 'name']).execute()
    const filters = await store.selectFrom('channel_filters').selectAll().execute()
    const channelFilters = Map.groupBy(filters, ({ channel_id }) => channel_id)
    const memberRoles = Map.groupBy(roles, ({ member_id }) => member_id)
    const grantsOf = Map.groupBy(grants, ({ channel_id }) => channel_id)
    const all = channels.map(({ id, name }) => {
      const granted = grantsOf.get(id) ?? []
      return {
        name,
        filters: (channelFilters.get(id) ?? []).map(({ filter }) => filter),
        publishing: publishGrants(granted),
        subscribeRoles: granted.filter(({ right }) => right === 'subscribe').map(({ role_id }) => role_id),
      }
    })
    const rightsByRoles = new Map<string, ChannelRights[]>()
    const ofRoles = (roles: readonly string[]): ChannelRights[] => {
      const key = roles.join()
      const known = rightsByRoles.get(key)
      if (known) return known
      const rights = all.map(({ name, filters, publishing, subscribeRoles }) => ({
        channel: name,
        filters,
        publish: publishRight({ roles, device: null }, publishing),
        subscribe: roles.some((role) => subscribeRoles.includes(role)),
      }))
      rightsByRoles.set(key, [...rights, ...this.#ofEverybody])
      return rightsByRoles.get(key)!
    }
    // Thousands of members share what their roles grant; only what is narrowed is each device's own.
    const rightsOf = ({ member_id, email, kind }: (typeof senders)[number]): ChannelRights[] => {
      const ids = (memberRoles.get(member_id) ?? []).map(({ role_id }) => role_id).sort()
      const shared = ofRoles(ids)
      if (kind !== 'device') return shared
      const narrowed = all.map(({ publishing: { publishWithin } }) =>
        publishWithin.some(({ role }) => ids.includes(role)),
      )
      if (!narrowed.includes(true)) return shared
      return shared.map((rights, index) =>
        narrowed[index]
          ? { ...rights, publish: publishRight({ roles: ids, device: email }, all[index]!.publishing) }
          : rights,
      )
    }
    this.#senders = new Map(
      senders.map((row) => [
        row.sender,
        { brokerHash: row.broker_hash, rights: rightsOf(row), until: row.until ?? Number.POSITIVE_INFINITY },
      ]),
    )
    this.#directory = directory
    this.#current = true
  }

  authenticate(username: string, password: Uint8Array): { sender: number } | null {
    const sender = Number(/^sender-([1-9][0-9]{0,9})$/.exec(username)?.[1] ?? 0)
    const known = this.#living(sender)
    const isRight = timingSafeEqual(hashSecret(password), known?.brokerHash ?? noHash)
    return this.#current && known && isRight && username === brokerUsername(sender) ? { sender } : null
  }

  rights(sender: number): readonly ChannelRights[] | null {
    return (this.#current && this.#living(sender)?.rights) || null
  }

  // A session ends by its time before anybody sweeps.
  #living(sender: number): SenderRights | undefined {
    const known = this.#senders.get(sender)
    return known && known.until > this.#now() ? known : undefined
  }
}
