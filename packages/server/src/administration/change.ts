import type { AuditTarget, AuditValue } from '@sealmq/audit-log'
import type { TSchema } from 'typebox'
import Value from 'typebox/value'
import { collectRecords, type Record, type RecordingContext } from '../audit/recording.ts'
import { endSendersWithoutSession } from '../identity/session-senders.ts'
import { type EpochSettings, startEpoch } from '../keys/epochs.ts'
import type { MasterKey } from '../keys/master-key.ts'
import type { DatabaseTransaction, Schema } from '../store/schema.ts'

/** What a change needs of the authority. */
export interface ChangeContext extends RecordingContext {
  masterKey: MasterKey
  deployment: Uint8Array
  /** Where checkpoints are published: no channel may hold it. */
  checkpointTopic?: string | null
  /** Called after the commit: reload rights, tell the broker, tell the clients. */
  committed: (revision: number) => Promise<void>
}

/** What one change may do beside writing its own rows. */
export interface Change {
  transaction: DatabaseTransaction
  now: number
  revision: number
  checkpointTopic: string | null
  /** Every change records what it did. */
  record: Record
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
 * One change of the authority: rows, numbers, epochs, records and what the broker must hear, in one transaction; then the
 * rest. A change that records nothing does not happen. Nothing but SQL is awaited inside.
 */
export async function applyChange<T>(context: ChangeContext, work: (change: Change) => Promise<T>): Promise<T> {
  const { result, revision } = await commit(context, work)
  await context.committed(revision)
  return result
}

function commit<T>(context: ChangeContext, work: (change: Change) => Promise<T>) {
  return context.store.transaction().execute(async (transaction) => {
    const now = context.now()
    const { record, append } = collectRecords(transaction, context)
    let isRecorded = false
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
      checkpointTopic: context.checkpointTopic ?? null,
      record: (event, by) => {
        isRecorded = true
        record(event, by)
      },
      touch,
      touchDirectory: async () => {
        await transaction.updateTable('deployment').set({ directory_number: revision }).execute()
      },
      rotate: async (channels, settings = {}, ahead = 0) => {
        for (const channel of new Set(channels)) {
          const started = await startEpoch(transaction, { ...context, channel, now, settings, ahead })
          await touch(channel)
          record({
            action: 'epoch.start',
            on: { kind: 'channel', id: channel, name: started.name },
            channel: started.name,
            detail: { epoch: started.epoch, suite: started.suite, kind: started.kind, signing: started.signing },
          })
        }
      },
      tellBroker: async (action, senders) => {
        const rows = [...senders].map((sender) => ({ action, sender, created_at: now }))
        if (rows.length > 0) await transaction.insertInto('outbox').values(rows).execute()
      },
    })
    const ended = await endSendersWithoutSession(transaction, record, now)
    if (!isRecorded) throw new Error('a change that records nothing')
    await append(now)
    return { result, revision: ended ?? revision }
  })
}

/** What the contract knows of a request. Whatever else it holds may be a secret, and is in no record. */
export const asked = (contract: TSchema, request: object): { [name: string]: AuditValue } =>
  Value.Clean(contract, structuredClone(request)) as { [name: string]: AuditValue }

/** What of a change is another value than before, as records tell it: the name of each, before and after. */
export function difference(
  before: { readonly [name: string]: unknown },
  request: { readonly [name: string]: unknown },
): { [name: string]: AuditValue } {
  const changed = Object.entries(request).filter(
    ([name, value]) => value !== undefined && JSON.stringify(value) !== JSON.stringify(before[name]),
  )
  return Object.fromEntries(changed.map(([name, after]) => [name, { before: before[name], after } as AuditValue]))
}

/** A member as records name it. */
export const memberTarget = (member: { id: string; email: string }): AuditTarget => ({
  kind: 'member',
  id: member.id,
  name: member.email,
})

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
