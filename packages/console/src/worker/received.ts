import type { GapReport, Rejection } from '@sealmq/client'
import type { OpenedMessage } from '@sealmq/protocol'
import type { Kept } from './message-store.ts'
import type { Row } from './protocol.ts'

type New = Omit<Kept, 'row'> & { row: Omit<Row, 'id'> }
interface Packet {
  payload: string | Uint8Array
  retain?: boolean
}

/** Characters that a line of the feed shows. */
const previewLength = 240
const decoder = new TextDecoder()
const strict = new TextDecoder('utf-8', { fatal: true })
const encoder = new TextEncoder()

/** A message that was opened. @param receivedAt this machine's clock, ms */
export function ofMessage(packet: Packet, message: OpenedMessage, receivedAt: number): New {
  const { payload, topic, channel, session, sequence, firstAt, contentType } = message
  const { text, cut } = previewOf(payload)
  const envelope = ownBytes(packet)
  return {
    row: {
      topic,
      trust: message.verified,
      receivedAt,
      sealedAt: message.sealedAt,
      age: message.age,
      sender:
        message.senderName === message.memberName
          ? message.memberName
          : `${message.memberName} · ${message.senderName}`,
      late: message.late,
      retained: message.retained,
      repeat: message.repeat,
      will: message.will,
      epoch: message.epoch,
      code: null,
      preview: text,
      wire: wireOf(envelope),
      length: payload.length,
      cut,
    },
    payload: payload.slice(),
    envelope,
    contentType,
    channel,
    session,
    sequence,
    firstAt,
  }
}

/** One that was refused: its payload is not to be trusted, and not shown. */
export function ofRejection({ topic, code, message, claimed, suppressed, packet }: Rejection, receivedAt: number): New {
  const envelope = ownBytes(packet)
  return {
    row: {
      ...noMessage,
      topic,
      trust: 'rejected',
      receivedAt,
      retained: packet.retain,
      epoch: claimed?.epoch ?? null,
      code,
      preview: suppressed > 0 ? `${message} (${suppressed} more were refused and are not listed.)` : message,
      wire: wireOf(envelope),
      length: envelope.length,
    },
    payload: null,
    envelope,
    contentType: null,
    channel: null,
    session: claimed?.session ?? null,
    sequence: claimed?.sequence ?? null,
    firstAt: null,
  }
}

/** Messages that never came. */
export function ofGap({ topic, senderName, session, from, to, count }: GapReport, receivedAt: number): New {
  return {
    row: {
      ...noMessage,
      topic,
      trust: 'gap',
      receivedAt,
      sender: senderName,
      preview: String(count),
    },
    payload: null,
    envelope: null,
    contentType: null,
    channel: null,
    session: `${session} ${from}–${to}`,
    sequence: from,
    firstAt: null,
  }
}

const noMessage = {
  sealedAt: null,
  age: null,
  sender: '',
  late: false,
  retained: false,
  repeat: false,
  will: false,
  epoch: null,
  code: null,
  wire: '',
  length: 0,
  cut: false,
}

function previewOf(payload: Uint8Array): { text: string; cut: boolean } {
  // Up to 4 bytes a character.
  const head = payload.subarray(0, previewLength * 4)
  const whole = head.length < payload.length ? decoder.decode(head) : textOf(head)
  const text = whole.slice(0, previewLength)
  return { text, cut: text.length < whole.length || head.length < payload.length }
}

function textOf(bytes: Uint8Array): string {
  try {
    return strict.decode(bytes)
  } catch {
    return `0x${hexOf(bytes)}`
  }
}

/** Bytes of an envelope that a line shows: the last ones, since all begin alike with their header. */
const wireLength = 32

const wireOf = (envelope: Uint8Array): string =>
  `${envelope.length > wireLength ? '… ' : ''}${hexOf(envelope.subarray(-wireLength))}`

const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

const ownBytes = ({ payload }: Packet): Uint8Array =>
  typeof payload === 'string' ? encoder.encode(payload) : new Uint8Array(payload)
