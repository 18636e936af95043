import Type, { type Static } from 'typebox'
import { SecondFactor } from './identity.ts'
import { printable } from './printable.ts'

/** Who this authority is; open to all. Bytes are base64url without padding. */
export const DeploymentInfo = Type.Object({
  deployment: Type.String({ description: '16 bytes, base64url' }),
  name: Type.String(),
  authorityKey: Type.String({ description: 'ES256 public key, 65-byte SEC1 point, base64url: pin it' }),
  broker: Type.Object({
    mqtt: Type.String({ description: 'mqtt:// or mqtts:// URL for TCP' }),
    elsewhere: Type.Optional(
      Type.Boolean({ description: 'The host of mqtt counts; else it is that of the authority' }),
    ),
    websocketPath: Type.String({ description: 'MQTT over WebSocket on the HTTP port: /mqtt' }),
    protocolVersions: Type.Array(Type.Number(), { description: '4 = MQTT 3.1.1, 5 = MQTT 5' }),
  }),
  auditKey: Type.String({ description: "Public key of the audit log's checkpoints, a C2SP vkey: keep it" }),
  setupNeeded: Type.Boolean(),
  time: Type.Number({ description: 'Authority clock, ms' }),
})
export type DeploymentInfo = Static<typeof DeploymentInfo>

const email = Type.String({ minLength: 3, maxLength: 254, pattern: printable })
const memberName = Type.String({ minLength: 1, maxLength: 100, pattern: printable })
const password = Type.String({ minLength: 1, maxLength: 1024 })

const cookie = Type.Optional(
  Type.Boolean({ description: 'For browsers: the tokens come as HttpOnly cookies, not in the body' }),
)

export const SetupRequest = Type.Object({
  code: Type.String({ maxLength: 64 }),
  email,
  name: memberName,
  password,
  cookie,
})
export type SetupRequest = Static<typeof SetupRequest>

export const LoginRequest = Type.Object({
  email: Type.String({ minLength: 1, maxLength: 254, pattern: printable, description: 'Email address or user name' }),
  password,
  otp: Type.Optional(
    Type.String({ maxLength: 64, description: 'Code of the authenticator, or the one that was mailed' }),
  ),
  recoveryCode: Type.Optional(Type.String({ maxLength: 64 })),
  knownDevice: Type.Optional(Type.String({ maxLength: 64, description: 'As an earlier sign-in gave it' })),
  cookie,
})
export type LoginRequest = Static<typeof LoginRequest>

export const Me = Type.Object({
  member: Type.String(),
  email: Type.String(),
  name: Type.String(),
  roles: Type.Array(Type.Object({ id: Type.String(), name: Type.String() })),
  administrator: Type.Boolean(),
  auditor: Type.Boolean(),
  state: Type.Union([Type.Literal('active'), Type.Literal('waiting'), Type.Literal('factor-needed')], {
    description:
      'waiting: for approval; factor-needed: a role asks for the authenticator. Both may do nothing but that',
  }),
  requestedRole: Type.Union([Type.String(), Type.Null()]),
  addressProved: Type.Boolean(),
  secondFactor: SecondFactor,
  /** What the roles allow, for people to read. */
  grants: Type.Array(
    Type.Object({
      channel: Type.String(),
      right: Type.Union([Type.Literal('publish'), Type.Literal('subscribe')]),
      filters: Type.Optional(Type.Array(Type.String(), { description: 'Only on these; without it: on all of it' })),
    }),
  ),
})
export type Me = Static<typeof Me>

/** The session token goes into `Authorization: Bearer`; both tokens are empty where cookies were asked for. */
export const Session = Type.Object({
  token: Type.String(),
  expiresAt: Type.Number(),
  knownDevice: Type.String({ description: 'Give it with the next sign-in: strangers cannot lock this device out' }),
  me: Me,
})
export type Session = Static<typeof Session>

/** The next token, made where it will be used and kept there before it is told. */
export const RenewalRequest = Type.Object({
  token: Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: '256 random bits, base64url' }),
})
export type RenewalRequest = Static<typeof RenewalRequest>

export const SenderRequest = Type.Object({
  name: memberName,
  algorithm: Type.Union([Type.Literal('ES256'), Type.Literal('EdDSA')]),
  publicKey: Type.String({ maxLength: 128, description: 'base64url; ES256 65 bytes uncompressed, EdDSA 32 bytes' }),
})
export type SenderRequest = Static<typeof SenderRequest>

/** Given once: the authority keeps only hashes of both secrets. */
export const SenderCreated = Type.Object({
  sender: Type.Number(),
  token: Type.String({ description: 'Bearer token of this sender: keyring, changes, and removing itself' }),
  broker: Type.Object({ username: Type.String(), password: Type.String() }),
})
export type SenderCreated = Static<typeof SenderCreated>

export const SenderInfo = Type.Object({
  sender: Type.Number(),
  member: Type.String(),
  memberName: Type.String(),
  name: Type.String(),
  algorithm: Type.String(),
  createdAt: Type.Number(),
  revokedAt: Type.Union([Type.Number(), Type.Null()]),
  ofSession: Type.Boolean({ description: 'Bound to a session: it ends with it' }),
  endedAt: Type.Union([Type.Number(), Type.Null()]),
})
export type SenderInfo = Static<typeof SenderInfo>
