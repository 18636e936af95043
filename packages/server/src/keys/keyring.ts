import type { AuditOrigin } from '@sealmq/audit-log'
import {
  deriveSenderKey,
  fromHex,
  type Manifest,
  publishRight,
  signDirectory,
  signManifest,
  toBase64url,
} from '@sealmq/protocol'
import type { Keyring, KeyringChannel } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { publishGrants } from '../administration/grants.ts'
import { AuthorityError } from '../authority-error.ts'
import { sessionLives } from '../identity/session-senders.ts'
import { consistentRead } from '../store/consistent-read.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import type { DeploymentIdentity } from './authority-key.ts'
import { epochPlace } from './epochs.ts'
import { recordGivenKeys } from './given-keys.ts'
import type { MasterKey } from './master-key.ts'

export interface KeyringContext {
  store: Database
  masterKey: MasterKey
  identity: DeploymentIdentity
  now: () => number
  /** How long a sender's token should serve, ms. */
  tokenTime: number
  /** Told when records could not be appended. */
  appendFailed?: () => void
}

/** A signed directory is given out again for so long, ms, while nothing changes in it. */
const directoryReuse = 60_000

/** Builds what each sender holds now, out of one consistent view of the store. */
export class KeyringBuilder {
  readonly #context: KeyringContext
  #directory: { number: number; issuedAt: number; signed: string } | null = null

  constructor(context: KeyringContext) {
    this.#context = context
  }

  /** @throws AuthorityError `not-signed-in` when the sender was revoked in the meantime */
  async keyringOf(sender: number, by: AuditOrigin): Promise<Keyring> {
    const { store, identity, now, tokenTime, appendFailed } = this.#context
    const view = await consistentRead(store, (transaction) => readView(transaction, sender, now()))
    if (!view) throw new AuthorityError('not-signed-in', 'This sender was revoked. Sign in again.')
    const issuedAt = now()
    const channels = await Promise.all(view.channels.map((channel) => this.#channel(channel, sender, issuedAt)))
    // Before they leave: keys that nobody recorded are given to nobody.
    await recordGivenKeys(
      { store, now, by, ...(appendFailed ? { appendFailed } : {}) },
      sender,
      view.channels.flatMap(({ id, name, epochs }, index) =>
        epochs.map(({ epoch }) => ({ channel: id, name, epoch, key: channels[index]!.subscribe ? 'epoch' : 'sender' })),
      ),
    )
    return {
      time: now(),
      revision: view.revision,
      deployment: toBase64url(identity.deployment),
      sender,
      renewAt: view.tokenSince + tokenTime / 2,
      directory: await this.#signedDirectory(view, issuedAt),
      channels,
    }
  }

  async #channel(channel: ViewChannel, sender: number, issuedAt: number): Promise<KeyringChannel> {
    const { masterKey, identity } = this.#context
    const { deployment, signingKey } = identity
    const { subscribe } = channel
    const subscribeRoles = channel.grants.filter(({ right }) => right === 'subscribe').map(({ role_id }) => role_id)
    const { publishRoles, publishWithin } = publishGrants(channel.grants)
    const manifest: Manifest = {
      number: channel.number,
      deployment,
      channel: fromHex(channel.id),
      name: channel.name,
      filters: channel.filters,
      maximumAge: channel.maximum_age,
      late: channel.late,
      lease: channel.lease,
      issuedAt,
      publishRoles,
      ...(publishWithin.length > 0 ? { publishWithin } : {}),
      subscribeRoles,
      epochs: channel.epochs.map((epoch) => ({
        epoch: epoch.epoch,
        suite: epoch.suite,
        kind: epoch.kind,
        signing: epoch.signing,
        keyCheck: new Uint8Array(epoch.key_check),
        sealUntil: epoch.seal_until,
        openUntil: epoch.open_until,
      })),
    }
    const keys: KeyringChannel['keys'] = []
    for (const { epoch, suite, key_wrapped } of channel.epochs) {
      const epochKey = masterKey.unwrap(epochPlace(channel.id, epoch), key_wrapped)
      if (subscribe) {
        keys.push({ epoch, epochKey: toBase64url(epochKey) })
        continue
      }
      const input = { epochKey, deployment, channel: manifest.channel, epoch, suite, sender }
      keys.push({ epoch, senderKey: toBase64url(await deriveSenderKey(nodeCryptography, input)) })
    }
    const signed = await signManifest(nodeCryptography, signingKey, manifest)
    return { manifest: toBase64url(signed), publish: channel.publish, subscribe, keys }
  }

  async #signedDirectory(view: View, issuedAt: number): Promise<string> {
    const kept = this.#directory
    if (kept && kept.number === view.directoryNumber && issuedAt - kept.issuedAt < directoryReuse) return kept.signed
    const { deployment, signingKey } = this.#context.identity
    const directory = { number: view.directoryNumber, deployment, issuedAt, senders: view.senders }
    const signed = toBase64url(await signDirectory(nodeCryptography, signingKey, directory))
    this.#directory = { number: view.directoryNumber, issuedAt, signed }
    return signed
  }
}

type View = NonNullable<Awaited<ReturnType<typeof readView>>>
type ViewChannel = View['channels'][number]

async function readView(transaction: DatabaseTransaction, sender: number, now: number) {
  const deployment = await transaction.selectFrom('deployment').selectAll().executeTakeFirstOrThrow()
  const own = await transaction
    .selectFrom('senders')
    .innerJoin('members', 'members.id', 'senders.member_id')
    .select(['member_id', 'email', 'kind', 'token_since', 'senders.created_at as created_at'])
    .where('sender', '=', sender)
    .where('revoked_at', 'is', null)
    .where(sessionLives(now))
    .where('locked_at', 'is', null)
    .executeTakeFirst()
  if (!own) return null
  const memberRoles = await transaction.selectFrom('member_roles').selectAll().execute()
  const rolesOf = Map.groupBy(memberRoles, ({ member_id }) => member_id)
  const roleIds = (member: string) => (rolesOf.get(member) ?? []).map(({ role_id }) => role_id)
  const senders = await transaction.selectFrom('senders').selectAll().orderBy('sender').execute()
  const locked = await transaction.selectFrom('members').select('id').where('locked_at', 'is not', null).execute()
  const lockedMembers = new Set(locked.map(({ id }) => id))
  const devices = await transaction.selectFrom('members').select('id').where('kind', '=', 'device').execute()
  const deviceIds = new Set(devices.map(({ id }) => id))
  const channels = await transaction.selectFrom('channels').selectAll().orderBy('name').execute()
  const filters = await transaction.selectFrom('channel_filters').selectAll().orderBy('filter').execute()
  const grants = await transaction.selectFrom('grants').selectAll().execute()
  // What nobody may open any more is given to nobody, also before the next rotation forgets it.
  const epochs = await transaction
    .selectFrom('epochs')
    .selectAll()
    .where((eb) => eb.or([eb('open_until', 'is', null), eb('open_until', '>=', now)]))
    .orderBy('epoch', 'desc')
    .execute()
  const roles = roleIds(own.member_id)
  const publisher = { roles, device: own.kind === 'device' ? own.email : null }
  return {
    revision: deployment.revision,
    directoryNumber: deployment.directory_number,
    tokenSince: own.token_since ?? own.created_at,
    senders: senders.map((row) => ({
      sender: row.sender,
      member: row.member_id,
      memberName: row.member_name,
      ...(deviceIds.has(row.member_id) ? { kind: 'device' as const } : {}),
      senderName: row.name,
      roles: row.revoked_at === null && !lockedMembers.has(row.member_id) ? roleIds(row.member_id) : [],
      algorithm: row.algorithm,
      publicKey: new Uint8Array(row.public_key),
      revokedAt: row.revoked_at,
      ...(row.ended_at === null ? {} : { endedAt: row.ended_at }),
    })),
    channels: channels
      .map((channel) => {
        const granted = grants.filter(({ channel_id }) => channel_id === channel.id)
        return {
          ...channel,
          grants: granted,
          // Keys go to those alone who may use them: a narrowed grant may grant nothing to this member.
          publish: publishRight(publisher, publishGrants(granted)) !== false,
          subscribe: granted.some(({ right, role_id }) => right === 'subscribe' && roles.includes(role_id)),
        }
      })
      .filter(({ publish, subscribe }) => publish || subscribe)
      .map((channel) => ({
        ...channel,
        filters: filters.filter(({ channel_id }) => channel_id === channel.id).map(({ filter }) => filter),
        epochs: epochs.filter(({ channel_id }) => channel_id === channel.id),
      })),
  }
}
