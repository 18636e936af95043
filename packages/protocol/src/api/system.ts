import Type, { type Static } from 'typebox'

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const count = Type.Number()

/** A setting of the running authority, without secrets. */
export const SettingInfo = Type.Object({
  name: Type.String(),
  value: Type.String(),
  origin: Type.Union([
    Type.Literal('flag'),
    Type.Literal('environment'),
    Type.Literal('file'),
    Type.Literal('default'),
  ]),
})
export type SettingInfo = Static<typeof SettingInfo>

/** How the authority does. Counts are since its start; times ms. */
export const SystemStatus = Type.Object({
  time: Type.Number({ description: 'Authority clock' }),
  startedAt: Type.Number(),
  version: Type.String(),
  runtime: Type.String({ description: 'Node.js' }),
  store: Type.Object({
    engine: Type.Union([Type.Literal('sqlite'), Type.Literal('postgres')]),
    revision: count,
    diskFree: nullable(Type.Number({ description: 'Bytes, of the data folder' })),
  }),
  mail: Type.Object({
    transport: Type.Union([Type.Literal('smtp'), Type.Literal('outbox')]),
    waiting: count,
    lastFailure: nullable(Type.Object({ time: Type.Number(), reason: Type.String() })),
  }),
  audit: Type.Object({
    records: count,
    checkpoint: nullable(Type.Object({ size: Type.Number(), time: Type.Number() })),
    publishFailures: Type.Array(Type.Object({ place: Type.String(), failures: count })),
  }),
  counts: Type.Object({
    messages: Type.Number({ description: 'That the broker took and showed the authority' }),
    refused: Type.Number({ description: 'Messages and connections that the policy refused' }),
    connections: Type.Number({ description: 'Open now' }),
    waiting: Type.Number({ description: 'Messages that the audit log has not taken yet' }),
    skipped: Type.Number({ description: 'Messages that went by unrecorded' }),
    appendFailures: Type.Number({ description: 'Times that records could not be appended' }),
  }),
  settings: Type.Array(SettingInfo),
})
export type SystemStatus = Static<typeof SystemStatus>
