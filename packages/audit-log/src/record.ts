import type { AuditAction } from './actions.ts'
import { AuditLogError } from './audit-log-error.ts'

/** Who did something, as it was at that time. */
export interface AuditActor {
  /** `stranger`: nobody who is signed in; `system`: the authority by itself. */
  kind: 'member' | 'sender' | 'system' | 'stranger'
  /** Id of the member, also of the one that a sender belongs to. */
  member: string | null
  /** Number of the sender. */
  sender: number | null
  /** Sign-in name of the member; of a stranger who names no account a keyed fingerprint. */
  name: string | null
  /** Names of the member's roles. */
  roles: readonly string[]
  /** What a header says that nobody has proved: unsigned messages. */
  claimed?: true
}

/** What it was done to. */
export interface AuditTarget {
  kind: 'member' | 'role' | 'channel' | 'sender' | 'session' | 'address' | 'route' | 'topic' | 'setting' | 'log'
  id: string | null
  name: string | null
}

export type AuditValue =
  | string
  | number
  | boolean
  | null
  | readonly AuditValue[]
  | { readonly [name: string]: AuditValue }

/** What is recorded. Never a secret, never what a message says. */
export interface AuditEvent {
  action: AuditAction
  result?: 'done' | 'refused'
  /** Stable code of a refusal. */
  code?: string | null
  on?: AuditTarget | null
  /** Name of the channel. */
  channel?: string | null
  detail?: { readonly [name: string]: AuditValue }
}

/** Who, from where, in which request. */
export interface AuditOrigin {
  actor: AuditActor
  /** Source address. */
  address: string | null
  /** Id of the request, as the authority's own log has it. */
  request: string | null
}

/** An entry of the log. */
export interface AuditRecord extends Required<AuditEvent>, AuditOrigin {
  /** From 0, without gaps. */
  position: number
  /** Authority time, ms. */
  time: number
}

/**
 * The line that is stored, hashed and exported: one JSON object, its fields in the order of docs/audit.md. The same record
 * always gives the same text.
 */
export function encodeRecord(record: AuditRecord): string {
  const { actor, on } = record
  return JSON.stringify({
    position: record.position,
    time: record.time,
    action: record.action,
    result: record.result,
    code: record.code,
    actor: {
      kind: actor.kind,
      member: actor.member,
      sender: actor.sender,
      name: actor.name,
      roles: actor.roles,
      ...(actor.claimed ? { claimed: true } : {}),
    },
    address: record.address,
    request: record.request,
    on: on && { kind: on.kind, id: on.id, name: on.name },
    channel: record.channel,
    detail: record.detail,
  })
}

// The last that a Date can hold.
const latestTime = 8.64e15

/**
 * Reads the line of a record. Fields that are not known are passed over, and actions and kinds of targets that are not
 * known are taken as they are, so that records of later versions can be read: what a record is, its bytes say, not this.
 * @throws AuditLogError `malformed`
 */
export function decodeRecord(text: string): AuditRecord {
  const fields = fieldsOf(parse(text))
  const actor = fieldsOf(fields.actor)
  const on = fields.on === null ? null : fieldsOf(fields.on)
  return {
    position: uint(fields.position),
    time: uint(fields.time, latestTime),
    action: dottedWord(fields.action) as AuditAction,
    result: oneOf(fields.result, ['done', 'refused']),
    code: textOrNull(fields.code),
    actor: {
      kind: oneOf(actor.kind, ['member', 'sender', 'system', 'stranger']),
      member: textOrNull(actor.member),
      sender: actor.sender === null ? null : uint(actor.sender),
      name: textOrNull(actor.name),
      roles: texts(actor.roles),
      ...(actor.claimed === undefined ? {} : { claimed: onlyTrue(actor.claimed) }),
    },
    address: textOrNull(fields.address),
    request: textOrNull(fields.request),
    on: on && { kind: word(on.kind) as AuditTarget['kind'], id: textOrNull(on.id), name: textOrNull(on.name) },
    channel: textOrNull(fields.channel),
    detail: fieldsOf(fields.detail) as AuditRecord['detail'],
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw notARecord()
  }
}

function fieldsOf(value: unknown): Record<string, unknown> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw notARecord()
  return value as Record<string, unknown>
}

function uint(value: unknown, largest = Number.MAX_SAFE_INTEGER): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > largest) throw notARecord()
  return value as number
}

function textOrNull(value: unknown): string | null {
  if (value !== null && typeof value !== 'string') throw notARecord()
  return value
}

function texts(value: unknown): string[] {
  if (!Array.isArray(value) || value.some((item) => typeof item !== 'string')) throw notARecord()
  return value
}

function oneOf<T extends string>(value: unknown, values: readonly T[]): T {
  if (!(values as readonly unknown[]).includes(value)) throw notARecord()
  return value as T
}

function onlyTrue(value: unknown): true {
  if (value !== true) throw notARecord()
  return value
}

// What a message shows of a record that nobody has proved must not steer a terminal.
function word(value: unknown): string {
  if (typeof value !== 'string' || !/^[a-z-]{1,40}$/.test(value)) throw notARecord()
  return value
}

function dottedWord(value: unknown): string {
  if (typeof value !== 'string' || !/^[a-z-]{1,40}\.[a-z-]{1,40}$/.test(value)) throw notARecord()
  return value
}

function notARecord(): AuditLogError {
  return new AuditLogError('malformed', 'The text is not a record.')
}
