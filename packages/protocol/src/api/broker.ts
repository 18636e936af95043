import Type, { type Static } from 'typebox'

const sentences = Type.Array(Type.String())

/** The broker that the authority governs, and whether it has what the store says. */
export const BrokerStatus = Type.Object({
  name: Type.Union([Type.Literal('embedded'), Type.Literal('mosquitto')]),
  address: Type.String({ description: 'For clients' }),
  connected: Type.Boolean(),
  version: Type.Union([Type.String(), Type.Null()]),
  rights: Type.Union(
    [Type.Literal('in-force'), Type.Literal('mending'), Type.Literal('drifted'), Type.Literal('unknown')],
    { description: 'in-force: as the store says, as it was last read there' },
  ),
  readAt: Type.Union([Type.Number(), Type.Null()], { description: 'ms; when it was last read as a whole' }),
  drift: Type.Array(Type.String(), { description: 'What differed then; at most 100' }),
  drifted: Type.Number({ description: 'How many there were' }),
  connections: Type.Number(),
  waiting: Type.Number({ description: 'Changes that the broker has not taken yet' }),
  withoutPassword: Type.Number({ description: 'Senders that cannot connect until they sign in again' }),
  warnings: sentences,
})
export type BrokerStatus = Static<typeof BrokerStatus>

/** What one question to the broker, asked as a client of the role, was answered with. */
export const BrokerCheckCell = Type.Object({
  role: Type.String(),
  channel: Type.Union([Type.String(), Type.Null()]),
  action: Type.Union([Type.Literal('connect'), Type.Literal('publish'), Type.Literal('subscribe')]),
  topic: Type.String({ description: 'Topic or filter' }),
  expected: Type.Boolean({ description: 'What the policy says' }),
  actual: Type.Boolean({ description: 'What the broker did' }),
})
export type BrokerCheckCell = Static<typeof BrokerCheckCell>

export const BrokerCheck = Type.Object({
  cells: Type.Array(BrokerCheckCell),
  drift: sentences,
  wrong: Type.Number({ description: 'Cells in which the two differ, and things that drifted' }),
})
export type BrokerCheck = Static<typeof BrokerCheck>

const nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])

/** One open connection. */
export const BrokerClient = Type.Object({
  sender: Type.Number(),
  name: Type.String({ description: 'Of the installation' }),
  member: nullable(Type.String({ description: 'Sign-in name; null when it is no member any more' })),
  kind: nullable(Type.Union([Type.Literal('person'), Type.Literal('device')])),
  clientId: Type.String(),
  address: Type.String(),
  since: Type.Number({ description: 'ms' }),
})
export type BrokerClient = Static<typeof BrokerClient>
/** The newest first, at most 1000; `total` counts all. */
export const BrokerClients = Type.Object({
  clients: Type.Array(BrokerClient),
  total: Type.Number(),
  kick: Type.Boolean({ description: 'Whether this broker ends connections without a change of rights' }),
  apart: Type.Boolean({ description: 'A broker of its own: what it does not tell is not here' }),
  protocolVersions: Type.Array(Type.Number(), { description: 'That it speaks: 4 = MQTT 3.1.1, 5 = MQTT 5' }),
})
export type BrokerClients = Static<typeof BrokerClients>
