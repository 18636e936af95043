import {
  deriveKeyCheck,
  fromHex,
  type MessageKind,
  nextEpochNumber,
  type SigningPolicy,
  type SuiteName,
} from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import type { DatabaseTransaction } from '../store/schema.ts'
import type { MasterKey } from './master-key.ts'

/** How long sealing under the previous epoch is still accepted, ms: publishers learn of the new one in this time. */
export const grace = 5 * 60_000
/** How long receivers open what was sealed under a previous epoch, ms: durable queues hold messages so long. */
export const keepTime = 7 * 86_400_000

/** What a channel's epoch is made with; changing any of it starts an epoch. */
export interface EpochSettings {
  suite: SuiteName
  kind: MessageKind
  signing: SigningPolicy
}

/** What is needed to start one. */
export interface EpochStart {
  masterKey: MasterKey
  deployment: Uint8Array
  /** Id. */
  channel: string
  /** ms */
  now: number
  /** What changes; the rest is as before. */
  settings: Partial<EpochSettings>
  /** ms by which the epoch's number runs ahead of the clock. */
  ahead: number
}

/** Where an epoch's key is wrapped for. */
export const epochPlace = (channel: string, epoch: number) => `epoch ${channel} ${epoch}`

/**
 * Starts the next epoch of a channel, ends the current one's sealing after the grace, and forgets epochs past their keep time.
 * Belongs inside a transaction; nothing but SQL is awaited.
 * @returns what the channel is called and what the epoch is made with
 */
export async function startEpoch(
  transaction: DatabaseTransaction,
  { masterKey, deployment, channel, now, settings, ahead }: EpochStart,
): Promise<EpochSettings & { name: string; epoch: number }> {
  const previous = await transaction
    .selectFrom('epochs')
    .selectAll()
    .where('channel_id', '=', channel)
    .orderBy('epoch', 'desc')
    .limit(1)
    .executeTakeFirst()
  const suite = settings.suite ?? previous?.suite ?? 'A256GCM'
  const epoch = nextEpochNumber(previous?.epoch ?? null, now + ahead)
  const key = nodeCryptography.randomBytes(32)
  const input = { epochKey: key, deployment, channel: fromHex(channel), epoch, suite }
  // Synchronous on Node: no await on anything but SQL inside a transaction.
  const keyCheck = deriveKeyCheck(nodeCryptography, input) as Uint8Array
  await transaction
    .updateTable('epochs')
    .set({ seal_until: now + grace, open_until: now + keepTime })
    .where('channel_id', '=', channel)
    .where('seal_until', 'is', null)
    .execute()
  const forgotten = await transaction
    .deleteFrom('epochs')
    .where('channel_id', '=', channel)
    .where('open_until', '<', now)
    .returning('epoch')
    .execute()
  if (forgotten.length > 0) {
    await transaction
      .deleteFrom('given_epochs')
      .where('channel_id', '=', channel)
      .where(
        'epoch',
        'in',
        forgotten.map((row) => row.epoch),
      )
      .execute()
  }
  const kind = settings.kind ?? previous?.kind ?? 'telemetry'
  const signing = settings.signing ?? previous?.signing ?? 'each'
  await transaction
    .insertInto('epochs')
    .values({
      channel_id: channel,
      epoch,
      suite,
      kind,
      signing,
      key_check: keyCheck,
      key_wrapped: masterKey.wrap(epochPlace(channel, epoch), key),
      started_at: now,
      seal_until: null,
      open_until: null,
    })
    .execute()
  const { name } = await transaction
    .selectFrom('channels')
    .select('name')
    .where('id', '=', channel)
    .executeTakeFirstOrThrow()
  return { name, epoch, suite, kind, signing }
}
