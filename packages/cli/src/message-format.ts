import type { GapReport, PublishOptions, Rejection } from '@sealmq/client'
import type { OpenedMessage } from '@sealmq/protocol'
import { shownProperties } from './mqtt-properties.ts'

/** What the broker said of a message; null where that did not come along. */
export interface Carried {
  qos: number | null
  retain: boolean
  dup?: boolean
  messageId?: number | undefined
  properties?: PublishOptions['properties']
}

/** One line of `sub` or `open`: a message that was opened, or one that was refused. */
export interface Line {
  topic: string
  packet: Carried
  receivedAt: Date
  payload: Uint8Array
  sealed: OpenedMessage | null
  rejection: Rejection | null
}

/** JSON with mosquitto_sub's keys, and what sealing knows. */
export function asJson(line: Line): string {
  const { topic, packet, receivedAt, payload, sealed, rejection } = line
  const properties = shownProperties(packet.properties)
  return JSON.stringify({
    tst: receivedAt.toISOString(),
    topic,
    qos: packet.qos,
    retain: packet.retain ? 1 : 0,
    ...(packet.messageId === undefined ? {} : { mid: packet.messageId }),
    ...(properties ? { properties } : {}),
    payloadlen: payload.length,
    payload: rejection ? null : jsonPayload(payload),
    sender: sealed
      ? { id: sealed.sender, member: sealed.memberName, name: sealed.senderName }
      : claimedSender(rejection),
    verified: sealed?.verified ?? false,
    epoch: sealed?.epoch ?? rejection?.claimed?.epoch ?? null,
    sealedAt: sealed ? new Date(sealed.sealedAt).toISOString() : null,
    ...(sealed
      ? {
          session: sealed.session,
          sequence: sealed.sequence,
          late: sealed.late,
          ...(sealed.will ? { will: true } : {}),
          ...kept(sealed),
        }
      : {}),
    error: rejection?.code ?? null,
  })
}

// Of a message that was kept before it was sealed, as a gateway does.
const kept = ({ firstAt, sealedAt, origin }: OpenedMessage) => ({
  ...(firstAt === sealedAt ? {} : { firstAt: new Date(firstAt).toISOString() }),
  ...(origin === null ? {} : { origin }),
})

// What a refused envelope says of itself is only claimed.
const claimedSender = (rejection: Rejection | null) =>
  rejection?.claimed ? { claimed: rejection.claimed.sender } : null

// As mosquitto_sub's %j: JSON stays JSON, anything else is a string.
function jsonPayload(payload: Uint8Array): unknown {
  const text = textOf(payload)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const textOf = (payload: Uint8Array) => new TextDecoder().decode(payload)

/** The format sequences of mosquitto_sub, and %S sender, %E epoch, %V verified. A refused payload is never given. */
export function asFormat(format: string, line: Line): string {
  const { topic, packet, receivedAt, sealed, rejection } = line
  const payload = rejection ? new Uint8Array() : line.payload
  const values: Record<string, () => string> = {
    t: () => topic,
    p: () => textOf(payload),
    x: () => Buffer.from(payload).toString('hex'),
    X: () => Buffer.from(payload).toString('hex').toUpperCase(),
    l: () => String(payload.length),
    q: () => String(packet.qos ?? '?'),
    r: () => (packet.retain ? '1' : '0'),
    m: () => String(packet.messageId ?? 0),
    d: () => (packet.dup ? '1' : '0'),
    I: () => receivedAt.toISOString(),
    U: () => String(receivedAt.getTime() / 1000),
    j: () => asJson(line),
    S: () => sealed?.memberName ?? '?',
    E: () => String(sealed?.epoch ?? '?'),
    V: () => sealed?.verified ?? (rejection ? `rejected:${rejection.code}` : '?'),
    '%': () => '%',
  }
  const escapes: Record<string, string> = { n: '\n', t: '\t', r: '\r', 0: '\0', '\\': '\\' }
  return format.replaceAll(/%(.)|\\(.)/g, (whole, value, escaped) =>
    value !== undefined ? (values[value]?.() ?? whole) : (escapes[escaped] ?? whole),
  )
}

/** Text as mosquitto_sub prints it; refused messages marked. */
export function asText(line: Line, verbose: boolean): string {
  const { topic, payload, sealed, rejection } = line
  if (rejection) {
    const more = rejection.suppressed > 0 ? ` (and ${rejection.suppressed} more)` : ''
    return `${verbose ? `${topic} ` : ''}[REJECTED ${rejection.code}] ${rejection.message}${more}`
  }
  const marks = [
    sealed?.verified === 'channel' ? '[channel-authenticated] ' : '',
    sealed?.late ? '[late] ' : '',
    sealed?.will ? '[will] ' : '',
  ].join('')
  return `${verbose ? `${topic} ` : ''}${marks}${textOf(payload)}`
}

/** That messages are missing, for the person. */
export function gapText({
  topic,
  senderName,
  from,
  to,
}: Pick<GapReport, 'topic' | 'senderName' | 'from' | 'to'>): string {
  const range = `sequence ${from}${to > from ? ` to ${to}` : ''}`
  return `sealmq: messages are missing on ${topic} from ${senderName}: ${range} [gap]`
}
