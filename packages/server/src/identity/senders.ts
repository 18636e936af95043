import { fromBase64url, SealError } from '@sealmq/protocol'
import type { SenderCreated, SenderRequest } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { AuthorityError } from '../authority-error.ts'
import type { MasterKey } from '../keys/master-key.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import { hashSecret, newSecret } from './secrets.ts'
import { sessionLives } from './session-senders.ts'

/** Most living senders of one member. */
export const maximumSenders = 100

/** The username that a sender connects to the broker with. */
export const brokerUsername = (sender: number): string => `sender-${sender}`

/** The place of a sender's wrapped broker password: its hash is in it, so that rows cannot be exchanged. */
const passwordPlace = (hash: Uint8Array): string => `broker password ${Buffer.from(hash).toString('hex')}`

/** The broker password of a sender; null when it was entered before passwords were kept. */
export function brokerPassword(
  masterKey: MasterKey,
  row: { broker_hash: Uint8Array; broker_password_wrapped: Uint8Array | null },
): string | null {
  if (row.broker_password_wrapped === null) return null
  return Buffer.from(masterKey.unwrap(passwordPlace(row.broker_hash), row.broker_password_wrapped)).toString()
}

/**
 * Enters a new installation of a member into the directory.
 * @throws AuthorityError `bad-key`, `conflict` (too many)
 */
export async function addSender(
  transaction: DatabaseTransaction,
  member: { id: string; name: string },
  request: SenderRequest,
  { now, masterKey }: { now: number; masterKey: MasterKey },
  version: string | null = null,
  session: { id: string; until: number } | null = null,
): Promise<SenderCreated> {
  const publicKey = readPublicKey(request)
  const { living } = await transaction
    .selectFrom('senders')
    .select((eb) => eb.fn.countAll<number>().as('living'))
    .where('member_id', '=', member.id)
    .where('session_id', 'is', null)
    .where('revoked_at', 'is', null)
    .executeTakeFirstOrThrow()
  if (session === null && Number(living) >= maximumSenders) {
    throw new AuthorityError(
      'conflict',
      `A member may have at most ${maximumSenders} senders. Remove one with sealmq senders remove.`,
    )
  }
  const token = newSecret()
  const password = newSecret()
  const hash = hashSecret(password)
  const { sender } = await transaction
    .insertInto('senders')
    .values({
      member_id: member.id,
      member_name: member.name,
      name: request.name,
      algorithm: request.algorithm,
      public_key: publicKey,
      token_hash: hashSecret(token),
      broker_hash: hash,
      broker_password_wrapped: masterKey.wrap(passwordPlace(hash), Buffer.from(password)),
      created_at: now,
      revoked_at: null,
      last_seen_at: null,
      last_address: null,
      version,
      token_since: null,
      next_token_hash: null,
      copied_at: null,
      session_id: session?.id ?? null,
      session_until: session?.until ?? null,
    })
    .returning('sender')
    .executeTakeFirstOrThrow()
  return { sender, token, broker: { username: brokerUsername(sender), password } }
}

/** A sender whose token was shown. */
export interface KnownSender {
  sender: number
  member: string
  name: string
  /** Of its member. */
  signInName: string
  /** ms */
  lastSeenAt: number | null
  /** The token is the next one, and used for the first time. */
  isNext: boolean
}

/** The living sender of a sender token, or null. */
export async function tokenSender(store: Database, token: string, now: number): Promise<KnownSender | null> {
  const hash = hashSecret(token)
  const row = await store
    .selectFrom('senders')
    .innerJoin('members', 'members.id', 'senders.member_id')
    .select(['sender', 'member_id as member', 'senders.name as name', 'email as signInName'])
    .select(['last_seen_at as lastSeenAt', 'next_token_hash'])
    .where((eb) => eb.or([eb('token_hash', '=', hash), eb('next_token_hash', '=', hash)]))
    .where('revoked_at', 'is', null)
    .where(sessionLives(now))
    .where('locked_at', 'is', null)
    .executeTakeFirst()
  if (!row) return null
  const { next_token_hash: next, ...known } = row
  return { ...known, isNext: next !== null && Buffer.compare(next, hash) === 0 }
}

function readPublicKey({ algorithm, publicKey }: SenderRequest): Uint8Array {
  try {
    const bytes = fromBase64url(publicKey)
    nodeCryptography.importVerificationKey(algorithm, bytes)
    return bytes
  } catch (error) {
    if (!(error instanceof SealError)) throw error
    throw new AuthorityError('bad-key', `The public key is no ${algorithm} key. Make a new one and try again.`)
  }
}
