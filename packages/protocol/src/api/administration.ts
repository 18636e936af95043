import Type, { type Static } from 'typebox'
import { AuditLevel } from './audit.ts'
import { SecondFactor } from './identity.ts'
import { printable } from './printable.ts'

const right = Type.Union([Type.Literal('publish'), Type.Literal('subscribe')])
const name = Type.String({ minLength: 1, maxLength: 100, pattern: printable })
const suite = Type.Union([Type.Literal('A256GCM'), Type.Literal('ChaCha20/Poly1305'), Type.Literal('A256CBC-HS512')])
const kind = Type.Union([Type.Literal('telemetry'), Type.Literal('state'), Type.Literal('command')])
const signing = Type.Union([Type.Literal('each'), Type.Literal('off')])
const late = Type.Union([Type.Literal('mark'), Type.Literal('refuse')])
const maximumAge = Type.Integer({ minimum: 1, maximum: 31_536_000, description: 'Seconds' })
const lease = Type.Integer({ minimum: 60, maximum: 31_536_000, description: 'Seconds; default 86400' })
const filters = Type.Array(Type.String({ minLength: 1, maxLength: 1024 }), { minItems: 1, maxItems: 100 })

export const MemberInfo = Type.Object({
  id: Type.String(),
  email: Type.String(),
  name: Type.String(),
  roles: Type.Array(Type.String({ description: 'Role names' })),
  createdAt: Type.Number(),
  state: Type.Union([Type.Literal('active'), Type.Literal('waiting'), Type.Literal('locked')]),
  requestedRole: Type.Union([Type.String(), Type.Null()]),
  addressProved: Type.Boolean(),
  secondFactor: SecondFactor,
  lockedUntil: Type.Union([Type.Number(), Type.Null()], { description: 'ms; after wrong passwords or codes' }),
})
export type MemberInfo = Static<typeof MemberInfo>
export const MemberCreate = Type.Object({
  email: Type.String({ minLength: 3, maxLength: 254, pattern: printable }),
  name,
  password: Type.String({ minLength: 1, maxLength: 1024 }),
  roles: Type.Array(name, { maxItems: 32 }),
})
export type MemberCreate = Static<typeof MemberCreate>
export const MemberChange = Type.Object({
  name: Type.Optional(name),
  roles: Type.Optional(Type.Array(name, { maxItems: 32 })),
  password: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
})
export type MemberChange = Static<typeof MemberChange>

export const Grant = Type.Object({
  channel: name,
  right,
  filters: Type.Optional({
    ...filters,
    description:
      'To publish only: on what of the channel. A whole level may be {member}, the name of the device. Without it: on all of it',
  }),
})
export type Grant = Static<typeof Grant>
export const RoleInfo = Type.Object({
  id: Type.String(),
  name: Type.String(),
  administrator: Type.Boolean(),
  auditor: Type.Boolean({ description: 'Its members read the audit log' }),
  monitor: Type.Boolean({
    description: 'Its members receive every channel at the broker, and no keys; it has no grants',
  }),
  grants: Type.Array(Grant),
  members: Type.Number(),
  requireAuthenticator: Type.Boolean({ description: 'Its members sign in with an authenticator app' }),
  approveDomains: Type.Array(Type.String(), { description: 'Who proves an address there and asks for it, gets it' }),
  revision: Type.Number({ description: 'Give it with a change: refused when another came in between' }),
})
export type RoleInfo = Static<typeof RoleInfo>
const approveDomains = Type.Array(Type.String({ minLength: 3, maxLength: 253, pattern: '^[A-Za-z0-9.-]+$' }), {
  maxItems: 100,
})
export const RoleCreate = Type.Object({
  name,
  administrator: Type.Optional(Type.Boolean()),
  auditor: Type.Optional(Type.Boolean()),
  monitor: Type.Optional(Type.Boolean()),
  grants: Type.Array(Grant),
  requireAuthenticator: Type.Optional(Type.Boolean()),
  approveDomains: Type.Optional(approveDomains),
})
export type RoleCreate = Static<typeof RoleCreate>
export const RoleChange = Type.Object({
  name: Type.Optional(name),
  grants: Type.Optional(Type.Array(Grant)),
  auditor: Type.Optional(Type.Boolean()),
  monitor: Type.Optional(Type.Boolean()),
  requireAuthenticator: Type.Optional(Type.Boolean()),
  approveDomains: Type.Optional(approveDomains),
  revision: Type.Optional(Type.Number({ description: 'As it was read; another one is answered with conflict' })),
})
export type RoleChange = Static<typeof RoleChange>

export const ChannelInfo = Type.Object({
  id: Type.String(),
  name: Type.String(),
  filters: Type.Array(Type.String()),
  suite,
  kind,
  signing,
  maximumAge: Type.Number(),
  late,
  lease: Type.Number(),
  audit: AuditLevel,
  epoch: Type.Number(),
  epochStartedAt: Type.Number(),
})
export type ChannelInfo = Static<typeof ChannelInfo>
export const ChannelCreate = Type.Object({
  name,
  filters,
  suite: Type.Optional(suite),
  kind: Type.Optional(kind),
  signing: Type.Optional(signing),
  maximumAge: Type.Optional(maximumAge),
  late: Type.Optional(late),
  lease: Type.Optional(lease),
  audit: Type.Optional(AuditLevel),
})
export type ChannelCreate = Static<typeof ChannelCreate>
export const ChannelChange = Type.Partial(ChannelCreate)
export type ChannelChange = Static<typeof ChannelChange>

export const RightsQuery = Type.Object({
  member: Type.String({ minLength: 1, maxLength: 254, pattern: printable, description: 'Sign-in name, device or id' }),
  action: right,
  topic: Type.String({ minLength: 1, maxLength: 1024, description: 'To publish on; or the filter to subscribe with' }),
})
export type RightsQuery = Static<typeof RightsQuery>
/** What the policy says of it, as the broker and clients are told. */
export const RightsAnswer = Type.Object({
  allowed: Type.Boolean(),
  channel: Type.Union([Type.String(), Type.Null()], { description: 'That allows it' }),
  rule: Type.Union([Type.String(), Type.Null()], { description: 'By which it is refused, one sentence' }),
  roles: Type.Array(Type.String({ description: 'Roles of the member, each of which allows it alone' })),
  opens: Type.Boolean({ description: 'Also given the key to open; false for who only monitors' }),
})
export type RightsAnswer = Static<typeof RightsAnswer>
