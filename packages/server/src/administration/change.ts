import { type EpochSettings, startEpoch } from '../keys/epochs.ts'
import type { MasterKey } from '../keys/master-key.ts'
import type { Database, DatabaseTransaction, Schema } from '../store/schema.ts'

/** What a change needs of the authority. */
export interface ChangeContext {
  store: Database
  masterKey: MasterKey
  deployment: Uint8Array
  now: () => number
  /** Called after the commit: reload rights, tell the broker, tell the clients. */
  committed: (revision: number) => Promise<void>
}

/** What one change may do beside writing its own rows. */
export interface Change {
  transaction: DatabaseTransaction
  now: number
  revision: number
  /** Starts an epoch of each of these channels. */
  rotate(channels: Iterable<string>, settings?: Partial<EpochSettings>, ahead?: number): Promise<void>
  /** The signed manifest of the channel becomes another one, without a new epoch. */
  touch(channel: string): Promise<void>
  /** The signed directory becomes another one. */
  touchDirectory(): Promise<void>
  /** The broker will be told. */
  tellBroker(action: Schema['outbox']['action'], senders: Iterable<number>): Promise<void>
}

/**
 * One change of the authority: rows, numbers, epochs and what the broker must hear, in one transaction; then the rest.
 * Nothing but SQL is awaited inside.
 */
export async function applyChange<T>(context: ChangeContext, work: (change: Change) => Promise<T>): Promise<T> {
  const { result, revision } = await commit(context, work)
  await context.committed(revision)
  return result
}

function commit<T>(context: ChangeContext, work: (change: Change) => Promise<T>) {
  return context.store.transaction().execute(async (transaction) => {
    const now = context.now()
    const { revision } = await transaction
      .updateTable('deployment')
      .set((eb) => ({ revision: eb('revision', '+', 1) }))
      .returning('revision')
      .executeTakeFirstOrThrow()
    const touch = async (channel: string) => {
      await transaction.updateTable('channels').set({ number: revision }).where('id', '=', channel).execute()
    }
    const result = await work({
      transaction,
      now,
      revision,
      touch,
      touchDirectory: async () => {
        await transaction.updateTable('deployment').set({ directory_number: revision }).execute()
      },
      rotate: async (channels, settings = {}, ahead = 0) => {
        for (const channel of new Set(channels)) {
          await startEpoch(transaction, context.masterKey, context.deployment, channel, now, settings, ahead)
          await touch(channel)
        }
      },
      tellBroker: async (action, senders) => {
        const rows = [...senders].map((sender) => ({ action, sender, created_at: now }))
        if (rows.length > 0) await transaction.insertInto('outbox').values(rows).execute()
      },
    })
    return { result, revision }
  })
}

/** The channels that any of these roles may use. */
export async function channelsOfRoles(transaction: DatabaseTransaction, roles: readonly string[]): Promise<string[]> {
  if (roles.length === 0) return []
  const rows = await transaction
    .selectFrom('grants')
    .select('channel_id')
    .distinct()
    .where('role_id', 'in', roles)
    .execute()
  return rows.map(({ channel_id }) => channel_id)
}

/** The living senders of these members. */
export async function sendersOfMembers(
  transaction: DatabaseTransaction,
  members: readonly string[],
): Promise<number[]> {
  if (members.length === 0) return []
  const rows = await transaction
    .selectFrom('senders')
    .select('sender')
    .where('member_id', 'in', members)
    .where('revoked_at', 'is', null)
    .execute()
  return rows.map(({ sender }) => sender)
}

/** The role ids of a member. */
export async function rolesOfMember(transaction: DatabaseTransaction, member: string): Promise<string[]> {
  const rows = await transaction.selectFrom('member_roles').select('role_id').where('member_id', '=', member).execute()
  return rows.map(({ role_id }) => role_id)
}
