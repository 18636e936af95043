import { filtersOverlap, parseShare, toHex, topicFilterFault } from '@sealmq/protocol'
import { ChannelChange, ChannelCreate, type ChannelInfo } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { AuthorityError } from '../authority-error.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import { applyChange, asked, type Change, type ChangeContext, difference, sendersOfMembers } from './change.ts'

/** Seconds for which clients go on sealing without a newer manifest, unless the channel says otherwise. */
export const defaultLease = 86_400
const defaultMaximumAge = 3600

/** All channels with their current epoch. */
export async function listChannels(store: Database): Promise<ChannelInfo[]> {
  const channels = await store.selectFrom('channels').selectAll().orderBy('name').execute()
  const filters = await store.selectFrom('channel_filters').selectAll().orderBy('filter').execute()
  const epochs = await store.selectFrom('epochs').selectAll().where('seal_until', 'is', null).execute()
  return channels.map(({ id, name, maximum_age, late, lease, audit }) => {
    const epoch = epochs.find(({ channel_id }) => channel_id === id)!
    return {
      id,
      name,
      filters: filters.filter(({ channel_id }) => channel_id === id).map(({ filter }) => filter),
      suite: epoch.suite,
      kind: epoch.kind,
      signing: epoch.signing === 'off' ? 'off' : 'each',
      maximumAge: maximum_age,
      late,
      lease,
      audit,
      epoch: epoch.epoch,
      epochStartedAt: epoch.started_at,
    }
  })
}

/** One channel by id or name. @throws AuthorityError `not-found` */
export async function findChannel(store: Database, idOrName: string): Promise<ChannelInfo> {
  const channel = (await listChannels(store)).find(({ id, name }) => id === idOrName || name === idOrName)
  if (!channel)
    throw new AuthorityError('not-found', `There is no channel ${idOrName}. sealmq channels list shows all.`)
  return channel
}

/** @throws AuthorityError `bad-filter`, `channel-overlap`, `name-taken` */
export async function createChannel(context: ChangeContext, request: ChannelCreate): Promise<string> {
  return applyChange(context, (change) => addChannel(change, request))
}

/** Inserts a channel with its first epoch, as part of a change. */
export async function addChannel(change: Change, request: ChannelCreate): Promise<string> {
  const { transaction } = change
  checkSigning(request.kind ?? 'telemetry', request.signing ?? 'each')
  await requireFreeName(transaction, request.name)
  const id = toHex(nodeCryptography.randomBytes(16))
  await transaction
    .insertInto('channels')
    .values({
      id,
      name: request.name,
      maximum_age: request.maximumAge ?? defaultMaximumAge,
      late: request.late ?? 'mark',
      lease: request.lease ?? defaultLease,
      audit: request.audit ?? 'counts',
      number: change.revision,
    })
    .execute()
  await setFilters(change, id, request.filters)
  change.record({
    action: 'channel.create',
    on: { kind: 'channel', id, name: request.name },
    channel: request.name,
    detail: asked(ChannelCreate, request),
  })
  const { suite = 'A256GCM', kind = 'telemetry', signing = 'each' } = request
  await change.rotate([id], { suite, kind, signing })
  await change.tellBroker('refresh-sender', await sendersOfMonitors(transaction))
  return id
}

/** Changes a channel. Another suite, kind, signing policy or filter starts an epoch. */
export async function changeChannel(context: ChangeContext, idOrName: string, request: ChannelChange): Promise<string> {
  return applyChange(context, async (change) => {
    const { transaction } = change
    const channel = await findChannel(transaction, idOrName)
    checkSigning(request.kind ?? channel.kind, request.signing ?? channel.signing)
    if (request.name !== undefined && request.name !== channel.name) await requireFreeName(transaction, request.name)
    await transaction
      .updateTable('channels')
      .set({
        name: request.name ?? channel.name,
        maximum_age: request.maximumAge ?? channel.maximumAge,
        late: request.late ?? channel.late,
        lease: request.lease ?? channel.lease,
        audit: request.audit ?? channel.audit,
      })
      .where('id', '=', channel.id)
      .execute()
    await change.touch(channel.id)
    change.record({
      action: 'channel.change',
      on: { kind: 'channel', id: channel.id, name: channel.name },
      channel: request.name ?? channel.name,
      detail: difference(channel, asked(ChannelChange, request)),
    })
    const filtersChange =
      request.filters !== undefined && request.filters.toSorted().join('\n') !== channel.filters.join('\n')
    if (filtersChange) await setFilters(change, channel.id, request.filters!)
    const { suite = channel.suite, kind = channel.kind, signing = channel.signing } = request
    const sealsOtherwise = suite !== channel.suite || kind !== channel.kind || signing !== channel.signing
    if (filtersChange || sealsOtherwise) await change.rotate([channel.id], { suite, kind, signing })
    if (filtersChange) await change.tellBroker('refresh-sender', await sendersOfChannel(transaction, channel.id))
    return channel.id
  })
}

/** Starts the next epoch by hand. */
export async function rotateChannel(context: ChangeContext, idOrName: string): Promise<string> {
  return applyChange(context, async (change) => {
    const { id, name } = await findChannel(change.transaction, idOrName)
    change.record({ action: 'channel.rotate', on: { kind: 'channel', id, name }, channel: name })
    await change.rotate([id])
    return id
  })
}

/** Removes a channel with its keys: nothing that was sealed in it opens again for those who read the keyring anew. */
export async function deleteChannel(context: ChangeContext, idOrName: string): Promise<void> {
  await applyChange(context, async (change) => {
    const channel = await findChannel(change.transaction, idOrName)
    await change.tellBroker('refresh-sender', await sendersOfChannel(change.transaction, channel.id))
    await change.transaction.deleteFrom('given_epochs').where('channel_id', '=', channel.id).execute()
    await change.transaction.deleteFrom('channels').where('id', '=', channel.id).execute()
    change.record({
      action: 'channel.remove',
      on: { kind: 'channel', id: channel.id, name: channel.name },
      channel: channel.name,
      detail: { filters: channel.filters, epoch: channel.epoch },
    })
  })
}

async function setFilters(
  { transaction, checkpointTopic }: Change,
  channel: string,
  filters: readonly string[],
): Promise<void> {
  for (const filter of filters) checkFilter(filter)
  const others = await transaction
    .selectFrom('channel_filters')
    .innerJoin('channels', 'channels.id', 'channel_filters.channel_id')
    .select(['filter', 'channels.name as name'])
    .where('channel_id', '!=', channel)
    .execute()
  for (const [index, filter] of filters.entries()) {
    const taken = others.find((other) => filtersOverlap(other.filter, filter))
    if (taken) {
      throw new AuthorityError(
        'channel-overlap',
        `${filter} overlaps ${taken.filter} of the channel ${taken.name}: a topic belongs to one channel only. Narrow one of them.`,
      )
    }
    if (checkpointTopic !== null && filtersOverlap(filter, checkpointTopic)) {
      throw new AuthorityError(
        'channel-overlap',
        `${filter} holds ${checkpointTopic}, where the authority publishes checkpoints. Narrow it.`,
      )
    }
    const own = filters.slice(0, index).find((other) => filtersOverlap(other, filter))
    if (own) throw new AuthorityError('channel-overlap', `The filters ${own} and ${filter} overlap. Keep one of them.`)
  }
  await transaction.deleteFrom('channel_filters').where('channel_id', '=', channel).execute()
  await transaction
    .insertInto('channel_filters')
    .values(filters.map((filter) => ({ channel_id: channel, filter })))
    .execute()
}

function checkFilter(filter: string): void {
  const fault = topicFilterFault(filter)
  if (fault) throw new AuthorityError('bad-filter', `${JSON.stringify(filter)}: ${fault}`)
  if (filter.startsWith('$') || parseShare(filter)) {
    throw new AuthorityError('bad-filter', `${filter}: topics that begin with $ belong to the broker.`)
  }
}

// Without a signature any reader could give commands in another's name.
function checkSigning(kind: string, signing: string): void {
  if (signing === 'off' && kind !== 'telemetry') {
    throw new AuthorityError(
      'bad-request',
      'Only telemetry may go unsigned. Keep signing at each, or take kind telemetry.',
    )
  }
}

async function requireFreeName(transaction: DatabaseTransaction, name: string): Promise<void> {
  const taken = await transaction.selectFrom('channels').select('id').where('name', '=', name).executeTakeFirst()
  if (taken) throw new AuthorityError('name-taken', `There is a channel ${name} already.`)
}

// Of those whom the broker lets use it.
async function sendersOfChannel(transaction: DatabaseTransaction, channel: string): Promise<number[]> {
  const members = await transaction
    .selectFrom('grants')
    .innerJoin('member_roles', 'member_roles.role_id', 'grants.role_id')
    .select('member_id')
    .distinct()
    .where('channel_id', '=', channel)
    .execute()
  const granted = await sendersOfMembers(
    transaction,
    members.map(({ member_id }) => member_id),
  )
  return [...new Set([...granted, ...(await sendersOfMonitors(transaction))])]
}

async function sendersOfMonitors(transaction: DatabaseTransaction): Promise<number[]> {
  const members = await transaction
    .selectFrom('roles')
    .innerJoin('member_roles', 'member_roles.role_id', 'roles.id')
    .select('member_id')
    .distinct()
    .where('monitor', '=', 1)
    .execute()
  return sendersOfMembers(
    transaction,
    members.map(({ member_id }) => member_id),
  )
}
