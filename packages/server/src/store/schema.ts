import type { MessageKind, Right, SignatureAlgorithm, SigningPolicy, SuiteName } from '@sealmq/protocol'
import type { Generated, Kysely, Transaction } from 'kysely'

/** Times are the authority's, ms; flags are 0 or 1; ids of channels are 32 hexadecimal digits, others UUIDs. */
export interface Schema {
  deployment: {
    id: number
    deployment: Uint8Array
    name: string
    revision: number
    directory_number: number
    authority_public_key: Uint8Array
    authority_key_wrapped: Uint8Array
    master_key_check: Uint8Array
    setup_code_hash: Uint8Array | null
    /** Made from a backup at this time and not started since, ms. */
    restored_at: number | null
  }
  members: {
    id: string
    email: string
    name: string
    password: string
    created_at: number
    failed_tries: number
    locked_until: number
  }
  roles: { id: string; name: string; administrator: number }
  member_roles: { member_id: string; role_id: string }
  channels: {
    id: string
    name: string
    maximum_age: number
    late: 'mark' | 'refuse'
    lease: number
    number: number
  }
  channel_filters: { channel_id: string; filter: string }
  grants: { role_id: string; channel_id: string; right: Right }
  epochs: {
    channel_id: string
    epoch: number
    suite: SuiteName
    kind: MessageKind
    signing: SigningPolicy
    key_check: Uint8Array
    key_wrapped: Uint8Array
    started_at: number
    seal_until: number | null
    open_until: number | null
  }
  /** Rows stay after revocation: an id is never used again, and old messages keep a name. */
  senders: {
    sender: Generated<number>
    member_id: string
    member_name: string
    name: string
    algorithm: SignatureAlgorithm
    public_key: Uint8Array
    token_hash: Uint8Array
    broker_hash: Uint8Array
    created_at: number
    revoked_at: number | null
  }
  sessions: { token_hash: Uint8Array; member_id: string; created_at: number; expires_at: number }
  /** What the broker has still to be told, in order. */
  outbox: { id: Generated<number>; action: 'remove-sender' | 'refresh-sender'; sender: number; created_at: number }
}

export type Database = Kysely<Schema>
export type DatabaseTransaction = Transaction<Schema>
