import Type, { type Static } from 'typebox'
import { printable } from './printable.ts'

const position = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const time = Type.Integer({ minimum: 0, maximum: 8.64e15, description: 'ms' })
const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** What is recorded of a channel's messages. */
export const AuditLevel = Type.Union([Type.Literal('off'), Type.Literal('counts'), Type.Literal('every-message')])
export type AuditLevel = Static<typeof AuditLevel>

/** A record as the log holds it; packages/audit-log says what each field means. */
export const AuditRecordInfo = Type.Object({
  position: Type.Number(),
  time: Type.Number({ description: 'ms' }),
  action: Type.String(),
  result: Type.Union([Type.Literal('done'), Type.Literal('refused')]),
  code: nullable(Type.String()),
  actor: Type.Object({
    kind: Type.Union([
      Type.Literal('member'),
      Type.Literal('sender'),
      Type.Literal('system'),
      Type.Literal('stranger'),
    ]),
    member: nullable(Type.String()),
    sender: nullable(Type.Number()),
    name: nullable(Type.String()),
    roles: Type.Array(Type.String()),
    claimed: Type.Optional(Type.Boolean()),
  }),
  address: nullable(Type.String()),
  request: nullable(Type.String()),
  on: nullable(Type.Object({ kind: Type.String(), id: nullable(Type.String()), name: nullable(Type.String()) })),
  channel: nullable(Type.String()),
  detail: Type.Record(Type.String(), Type.Unknown()),
})
export type AuditRecordInfo = Static<typeof AuditRecordInfo>

/** Which records; all that are given must fit. */
export const AuditFilter = Type.Object({
  since: Type.Optional(time),
  until: Type.Optional(time),
  actor: Type.Optional(
    Type.String({ minLength: 1, maxLength: 254, pattern: printable, description: 'Sign-in name or id of a member' }),
  ),
  action: Type.Optional(
    Type.String({
      maxLength: 64,
      pattern: '^[a-z-]+(\\.[a-z-]+|\\.\\*)?$',
      description: 'login.try; member or member.* for all that begin so',
    }),
  ),
  result: Type.Optional(Type.Union([Type.Literal('done'), Type.Literal('refused')])),
  channel: Type.Optional(Type.String({ minLength: 1, maxLength: 100, pattern: printable, description: 'Name' })),
})
export type AuditFilter = Static<typeof AuditFilter>
/** A page: the latest before a position, or the first from a position on. */
export const AuditQuery = Type.Intersect([
  AuditFilter,
  Type.Object({
    before: Type.Optional(position),
    from: Type.Optional(position),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 100' })),
  }),
])
export type AuditQuery = Static<typeof AuditQuery>
/** In the order of the log. `size` is the log's; what is not on the page and fits is looked for at `next`, also behind an empty one. */
export const AuditPage = Type.Object({
  records: Type.Array(AuditRecordInfo),
  size: Type.Number(),
  next: nullable(Type.Number({ description: 'Give it as before, or as from; null: there is no more' })),
})
export type AuditPage = Static<typeof AuditPage>

export const AuditCheckpoint = Type.Object({
  note: Type.String({ description: 'C2SP tlog-checkpoint' }),
  size: Type.Number(),
  time: Type.Number({ description: 'When it was made, ms' }),
  key: Type.String({ description: "The log's public key as C2SP signed-note writes it (vkey)" }),
})
export type AuditCheckpoint = Static<typeof AuditCheckpoint>
export const ConsistencyQuery = Type.Object({ from: position, to: position })
export type ConsistencyQuery = Static<typeof ConsistencyQuery>
/** RFC 6962, 2.1.2. */
export const ConsistencyProof = Type.Object({ hashes: Type.Array(Type.String({ description: 'base64' })) })
export type ConsistencyProof = Static<typeof ConsistencyProof>
export const InclusionQuery = Type.Object({ position })
export type InclusionQuery = Static<typeof InclusionQuery>
/** A C2SP tlog-proof of one record, which stands in its extra line, under a checkpoint of now. */
export const InclusionProof = Type.Object({ proof: Type.String(), key: Type.String() })
export type InclusionProof = Static<typeof InclusionProof>
