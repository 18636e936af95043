import Type, { type Static } from 'typebox'

const closed = { additionalProperties: false } as const
const text = Type.String({ minLength: 1, maxLength: 4096 })
const filter = Type.String({ minLength: 1, maxLength: 65_535 })
const whole = (minimum: number, maximum: number) => Type.Integer({ minimum, maximum })

/** A machine that signs in at the gateway's own listener. */
const User = Type.Object(
  {
    user: text,
    /** File with the password as its first line, mode 0600. */
    passwordFile: Type.Optional(text),
    /** As `sealmq gateway --hash-password` prints it. */
    passwordHash: Type.Optional(text),
    /** Filters of the local topics; none unless said. */
    publish: Type.Optional(Type.Array(filter)),
    subscribe: Type.Optional(Type.Array(filter)),
  },
  closed,
)

const Listen = Type.Object(
  {
    host: Type.Optional(text),
    port: whole(0, 65_535),
    /** PEM files: the chain, and its key of mode 0600. Without it passwords and payloads go in clear. */
    tls: Type.Optional(Type.Object({ certFile: text, keyFile: text }, closed)),
    /** Needed beyond loopback without TLS. */
    allowPlain: Type.Optional(Type.Boolean()),
    users: Type.Array(User, { minItems: 1 }),
    maximumConnections: Type.Optional(whole(1, 100_000)),
    /** Bytes. */
    maximumPacketLength: Type.Optional(whole(128, 1_000_000)),
  },
  closed,
)

const LocalBroker = Type.Object(
  {
    /** mqtt:// or mqtts://. */
    url: Type.String({ pattern: '^mqtts?://[^/\\s]+$' }),
    user: Type.Optional(text),
    passwordFile: Type.Optional(text),
    /** PEM; for mqtts://. */
    caFile: Type.Optional(text),
    clientId: Type.Optional(text),
    /** Needed for mqtt:// beyond loopback. */
    allowPlain: Type.Optional(Type.Boolean()),
    /** false for a broker that knows 3.1.1 only. */
    mqtt5: Type.Optional(Type.Boolean()),
    /** Bytes. */
    maximumPacketLength: Type.Optional(whole(128, 1_000_000)),
  },
  closed,
)

const RuleSetting = Type.Object(
  {
    direction: Type.Enum(['up', 'down']),
    from: filter,
    to: filter,
    qos: Type.Optional(whole(0, 1)),
    retain: Type.Optional(Type.Boolean()),
    format: Type.Optional(Type.Enum(['raw', 'legacy', 'sparkplug'])),
    /** File with {"aesKey": …, "hmacKey": …} in base64, mode 0600; for the format legacy. */
    keys: Type.Optional(text),
    first: Type.Optional(Type.Boolean()),
    /** Seconds. */
    timeToLive: Type.Optional(whole(1, 4_294_967_295)),
    contentType: Type.Optional(Type.String({ maxLength: 255 })),
  },
  closed,
)

/** The configuration file. */
export const Settings = Type.Object(
  {
    plant: Type.Optional(
      Type.Object(
        {
          /** Folder of `sealmq login`; default $SEALMQ_HOME. */
          home: Type.Optional(text),
          /** Another broker than the authority's own. */
          broker: Type.Optional(Type.String({ pattern: '^mqtts?://[^/\\s]+$' })),
          mqtt5: Type.Optional(Type.Boolean()),
        },
        closed,
      ),
    ),
    machines: Type.Object({ listen: Type.Optional(Listen), broker: Type.Optional(LocalBroker) }, closed),
    queue: Type.Object(
      {
        folder: text,
        maximumMessages: Type.Optional(whole(1, 10_000_000)),
        /** Of topics, payloads and what is kept with them. */
        maximumBytes: Type.Optional(whole(1024, Number.MAX_SAFE_INTEGER)),
        whenFull: Type.Optional(Type.Enum(['drop-oldest', 'refuse-newest'])),
      },
      closed,
    ),
    rules: Type.Array(RuleSetting, { minItems: 1, maxItems: 1000 }),
    /** GET /metrics on 127.0.0.1, for Prometheus. */
    metrics: Type.Optional(Type.Object({ port: whole(0, 65_535) }, closed)),
    log: Type.Optional(
      Type.Object(
        {
          level: Type.Optional(Type.Enum(['fatal', 'error', 'warn', 'info', 'debug'])),
          /** Between two lines with all counts, seconds. */
          countsEvery: Type.Optional(whole(1, 86_400)),
        },
        closed,
      ),
    ),
  },
  closed,
)
export type Settings = Static<typeof Settings>
export type UserSetting = Static<typeof User>
export type ListenSetting = Static<typeof Listen>
export type LocalBrokerSetting = Static<typeof LocalBroker>
export type RuleSetting = Static<typeof RuleSetting>
