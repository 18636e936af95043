import type { MessageKind, Right, SignatureAlgorithm, SigningPolicy, SuiteName } from '@sealmq/protocol'
import type { AuditLevel } from '@sealmq/protocol/api'
import type { Generated, Kysely, Transaction } from 'kysely'

/** What a one-time code is for; it is good for nothing else. */
export type CodePurpose = 'login' | 'step-up' | 'address' | 'reset' | 'invitation' | 'email-change' | 'ticket'

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
    /** A device is called the same in `email` and `name`, and has no password. */
    kind: 'person' | 'device'
    /** A PHC string, a bcrypt hash of an import, or empty until one is set. */
    password: string
    created_at: number
    /** Waiting: an administrator has not approved yet. */
    state: 'active' | 'waiting'
    /** Locked by an administrator at this time, ms. */
    locked_at: number | null
    /** The role that was asked for at sign-up or import. */
    requested_role: string | null
    address_proved_at: number | null
    /** Sign-in asks for a code by mail unless an authenticator is there. */
    email_factor: number
  }
  /** A person who has not proved the address yet: not a member. */
  sign_ups: {
    token_hash: Uint8Array
    email: string
    name: string
    password: string
    role_id: string
    code_hash: Uint8Array
    tries: number
    created_at: number
    expires_at: number
  }
  /** The one living code of a member for a purpose; `detail` is what it is about. */
  one_time_codes: {
    member_id: string
    purpose: CodePurpose
    code_hash: Uint8Array
    tries: number
    created_at: number
    expires_at: number
    detail: string | null
  }
  /** Authenticator app; counts once it is confirmed. */
  totp: { member_id: string; secret_wrapped: Uint8Array; confirmed_at: number | null; last_step: number }
  recovery_codes: { member_id: string; code_hash: Uint8Array }
  known_devices: { token_hash: Uint8Array; member_id: string; created_at: number; last_used_at: number }
  /** Failures by what they are counted for; see identity/tries.ts. */
  tries: { key: string; count: number; level: number; locked_until: number; updated_at: number }
  /** Mail that has not been handed over yet; the content is wrapped, since it may hold a code. */
  mails: {
    id: Generated<number>
    recipient: string
    content_wrapped: Uint8Array
    created_at: number
    expires_at: number
    tries: number
    next_try_at: number
  }
  roles: {
    id: string
    name: string
    administrator: number
    /** Reads the audit log. */
    auditor: number
    /** Receives every channel at the broker, and is given no keys. */
    monitor: number
    require_authenticator: number
    /** JSON list. */
    approve_domains: string
    revision: number
  }
  member_roles: { member_id: string; role_id: string }
  channels: {
    id: string
    name: string
    maximum_age: number
    late: 'mark' | 'refuse'
    lease: number
    audit: AuditLevel
    number: number
  }
  channel_filters: { channel_id: string; filter: string }
  /** `filters` narrows a publish grant, JSON list; null: the whole channel. */
  grants: { role_id: string; channel_id: string; right: Right; filters: string | null }
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
  /**
   * Rows stay after revocation: an id is never used again, and old messages keep a name. Those of ended senders go when nothing
   * of theirs can be opened any more (identity/forget-senders.ts).
   */
  senders: {
    sender: Generated<number>
    member_id: string
    member_name: string
    name: string
    algorithm: SignatureAlgorithm
    public_key: Uint8Array
    token_hash: Uint8Array
    broker_hash: Uint8Array
    /** Null for senders entered before it was kept: brokers apart cannot be told it. */
    broker_password_wrapped: Uint8Array | null
    created_at: number
    revoked_at: number | null
    /** When, from where and with which program it last asked. */
    last_seen_at: number | null
    last_address: string | null
    version: string | null
    /** Counts the tokens that it has had, from 1. */
    token_generation: Generated<number>
    /** When the token was first used; null: it is the one of the beginning. */
    token_since: number | null
    /** Given and not used yet. */
    next_token_hash: Uint8Array | null
    /** Shut out at this time because two copies of it were there, ms. */
    copied_at: number | null
    /** Lives only as long as this session; null: until it is removed. */
    session_id: Generated<string | null>
    /** When that session is over by its time, ms: kept here, since the session's row may be gone before the sender has ended. */
    session_until: Generated<number | null>
    /** ms; ended is not revoked: what it sealed before stays valid. */
    ended_at: Generated<number | null>
  }
  /** Tokens that another one has replaced: whoever uses one has a copy. */
  spent_tokens: { token_hash: Uint8Array; sender: number; spent_at: number }
  sessions: {
    id: string
    token_hash: Uint8Array
    member_id: string
    created_at: number
    expires_at: number
    last_used_at: number
    address: string
    client: string
    /** When a factor was last given, ms. */
    factor_at: number
  }
  /** What the broker has still to be told, in order. */
  outbox: { id: Generated<number>; action: 'remove-sender' | 'refresh-sender'; sender: number; created_at: number }
  /** One row: the head of the audit log. */
  audit_log: {
    id: number
    public_key: Uint8Array
    key_wrapped: Uint8Array
    size: number
    /** Roots of the complete subtrees at the right edge, 32 bytes each. */
    edge: Uint8Array
    /** Of the last record, ms. */
    last_time: number
    /** JSON: what the authority was last started with. */
    settings: string | null
  }
  /** `record` is what is hashed, byte for byte; the columns after it are for searching only. */
  audit_records: {
    position: number
    hash: Uint8Array
    record: string
    time: number
    action: string
    result: 'done' | 'refused'
    member_id: string | null
    actor: string | null
    channel: string | null
  }
  /** Complete runs of 256 hashes of a level (levels of eight: 0 are records), and the root over them. */
  audit_tiles: { level: number; number: number; hashes: Uint8Array; root: Uint8Array }
  audit_checkpoints: { size: number; time: number; note: string }
  /** Which keys a sender has ever been given: that of the epoch, which opens, or its own, which seals only. */
  given_epochs: { sender: number; channel_id: string; epoch: number; key: 'epoch' | 'sender' }
}

export type Database = Kysely<Schema>
export type DatabaseTransaction = Transaction<Schema>
