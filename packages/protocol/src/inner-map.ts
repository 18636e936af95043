import { concatBytes } from './bytes.ts'
import { encodeCbor } from './cbor.ts'
import { decodeFirstCbor } from './cbor-reader.ts'
import { SealError } from './error-codes.ts'
import { maximumUint32 } from './layout.ts'
import { working } from './slab.ts'

/** What the sender meant with a message beside its payload. */
export type Intent = 'retained' | 'command' | 'will'
const intents: readonly Intent[] = ['retained', 'command', 'will']

/** The encrypted fields before the payload (docs/protocol.md, "Inner map"). */
export interface InnerFields {
  contentType: string | null
  /** Sequences since this sender's previous message on this topic in this session; 0 when there was none. */
  distance: number
  /** Seconds, or null. */
  timeToLive: number | null
  intent: Intent | null
  /** When the message came about, authority time, ms, where it was sealed later; negative key: older readers ignore it. */
  firstAt?: number
  /** The same for a message that was sealed again: 1 to 32 bytes of the sender's choice. */
  origin?: Uint8Array
}

const emptyMap = 0xa0
const maximumContentTypeLength = 255
const firstAtKey = -2
const originKey = -3
const maximumOriginLength = 32
const utf8 = new TextEncoder()

/**
 * Encodes inner map ‖ payload. A distance of 1, the commonest, is left out.
 * @throws SealError `malformed` (a field that a receiver would refuse)
 */
export function encodeInner(fields: InnerFields, payload: Uint8Array): Uint8Array {
  const { contentType, distance, timeToLive, intent, firstAt, origin } = fields
  const isFirstHand = firstAt === undefined && origin === undefined
  if (distance === 1 && contentType === null && timeToLive === null && intent === null && isFirstHand) {
    const bytes = working.take(1 + payload.length)
    bytes[0] = emptyMap
    bytes.set(payload, 1)
    return bytes
  }
  checkInner(fields)
  const map = new Map<number, string | number | Uint8Array>()
  if (contentType !== null) map.set(1, contentType)
  if (distance !== 1) map.set(2, distance)
  if (timeToLive !== null) map.set(3, timeToLive)
  if (intent !== null) map.set(4, intents.indexOf(intent) + 1)
  if (firstAt !== undefined) map.set(firstAtKey, firstAt)
  if (origin !== undefined) map.set(originKey, origin)
  return concatBytes(encodeCbor(map), payload)
}

/**
 * Refuses fields that a receiver would refuse.
 * @throws SealError `malformed`
 */
export function checkInner({ contentType, distance, timeToLive, firstAt, origin }: InnerFields): void {
  const isSendable =
    (contentType === null || isContentType(contentType)) &&
    isUint32(distance) &&
    (timeToLive === null || isUint32(timeToLive)) &&
    (firstAt === undefined || isTime(firstAt)) &&
    (origin === undefined || isOrigin(origin))
  if (!isSendable)
    throw new SealError(
      'malformed',
      'The content type, the seconds to live, the first time or the origin cannot be sent.',
    )
}

/**
 * Reads inner map ‖ payload. Unknown negative keys are ignored, so that fields can be added; unknown others are not.
 * @throws SealError `malformed`
 */
export function decodeInner(plaintext: Uint8Array): { fields: InnerFields; payload: Uint8Array } {
  const fields: InnerFields = { contentType: null, distance: 1, timeToLive: null, intent: null }
  if (plaintext[0] === emptyMap) return { fields, payload: plaintext.subarray(1) }
  const [map, payload] = decodeFirstCbor(plaintext)
  if (!(map instanceof Map)) throw new SealError('malformed')
  for (const [key, value] of map) readField(fields, key, value)
  return { fields, payload }
}

function readField(fields: InnerFields, key: unknown, value: unknown): void {
  if (typeof key !== 'number' || !Number.isInteger(key)) throw new SealError('malformed')
  if (key < 0) {
    // Of another type it is ignored, as by readers that do not know it: what opens must not depend on the reader's age.
    if (key === firstAtKey && isTime(value)) fields.firstAt = value
    if (key === originKey && isOrigin(value)) fields.origin = value
    return
  }
  if (key === 1 && isContentType(value)) fields.contentType = value
  else if (key === 2 && isUint32(value)) fields.distance = value
  else if (key === 3 && isUint32(value)) fields.timeToLive = value
  else if (key === 4 && isUint32(value) && intents[value - 1]) fields.intent = intents[value - 1]!
  else if (key === 5 && value instanceof Uint8Array && value.every((byte) => byte === 0)) return
  // 6, the logical topic of blinded topics, is a kept place.
  else throw new SealError('malformed')
}

// Counted in bytes, as every other length is: characters are counted differently in every language.
const isContentType = (value: unknown): value is string =>
  typeof value === 'string' &&
  value.length <= maximumContentTypeLength &&
  utf8.encode(value).length <= maximumContentTypeLength &&
  !/[\uD800-\uDFFF]/u.test(value)

const isTime = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isOrigin = (value: unknown): value is Uint8Array =>
  value instanceof Uint8Array && value.length > 0 && value.length <= maximumOriginLength

const isUint32 = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= maximumUint32
