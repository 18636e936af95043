import Type, { type Static } from 'typebox'
import { printable } from './printable.ts'

const name = Type.String({
  minLength: 1,
  maxLength: 64,
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]*$',
  description: 'One level of a topic: letters, digits, dot, dash, underscore',
})
const roles = Type.Array(Type.String({ minLength: 1, maxLength: 100, pattern: printable }), {
  minItems: 1,
  maxItems: 32,
})
const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** One installation of a device. */
export const DeviceSender = Type.Object({
  sender: Type.Number(),
  createdAt: Type.Number({ description: 'ms' }),
  lastSeenAt: nullable(Type.Number({ description: 'When it last asked for keys, to the minute, ms' })),
  address: nullable(Type.String()),
  version: nullable(Type.String({ description: 'Of the program, as it says itself' })),
})
export type DeviceSender = Static<typeof DeviceSender>
export const DeviceInfo = Type.Object({
  id: Type.String(),
  name: Type.String(),
  roles: Type.Array(Type.String({ description: 'Role names' })),
  state: Type.Union(
    [Type.Literal('waiting'), Type.Literal('enrolled'), Type.Literal('disabled'), Type.Literal('copied')],
    {
      description:
        'waiting: for its ticket to be used; copied: shut out, because two installations had its credentials, until it is enrolled anew',
    },
  ),
  createdAt: Type.Number(),
  ticketExpiresAt: nullable(Type.Number({ description: 'ms; null: there is no living ticket' })),
  senders: Type.Array(DeviceSender),
  epochLag: nullable(
    Type.Number({ description: 'Channels of which it has not fetched the current epoch; null before it enrolled' }),
  ),
})
export type DeviceInfo = Static<typeof DeviceInfo>

export const DeviceCreate = Type.Object({ name, roles })
export type DeviceCreate = Static<typeof DeviceCreate>
const line = Type.Integer({
  minimum: 1,
  maximum: 1_000_000,
  description: 'Where it stands in a file; refusals name it',
})
export const DevicesImport = Type.Object({
  devices: Type.Array(Type.Object({ name, roles, line: Type.Optional(line) }), { minItems: 1, maxItems: 10_000 }),
})
export type DevicesImport = Static<typeof DevicesImport>
/** Good once, for ten minutes. It is told here only. */
export const DeviceTicket = Type.Object({
  id: Type.String(),
  name: Type.String(),
  code: Type.String(),
  expiresAt: Type.Number({ description: 'ms' }),
})
export type DeviceTicket = Static<typeof DeviceTicket>

export const DevicesQuery = Type.Object({
  search: Type.Optional(Type.String({ maxLength: 64, pattern: printable, description: 'Part of the name' })),
  after: Type.Optional(Type.String({ maxLength: 64, pattern: printable, description: 'A name: the page after it' })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1000, description: 'Default 100' })),
})
export type DevicesQuery = Static<typeof DevicesQuery>
/** By name. `total` counts all that the search finds. */
export const DevicePage = Type.Object({
  devices: Type.Array(DeviceInfo),
  total: Type.Number(),
  next: nullable(Type.String({ description: 'Give it as after; null: there is no more' })),
})
export type DevicePage = Static<typeof DevicePage>

export const EnrolRequest = Type.Object({
  name,
  code: Type.String({ minLength: 1, maxLength: 64 }),
  algorithm: Type.Union([Type.Literal('ES256'), Type.Literal('EdDSA')]),
  publicKey: Type.String({ maxLength: 128, description: 'base64url' }),
  version: Type.Optional(Type.String({ maxLength: 100, pattern: printable })),
})
export type EnrolRequest = Static<typeof EnrolRequest>
