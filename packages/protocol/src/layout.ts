import { toHex, totalLength } from './bytes.ts'
import { byteStringHeadLength, writeByteStringHead } from './cbor.ts'
import { SealError } from './error-codes.ts'
import { handedOut, working } from './slab.ts'
import { type SuiteName, suites } from './types.ts'

/** No envelope may be longer, bytes; MQTT's own limit lies above it. */
export const maximumEnvelopeLength = 16 * 1024 * 1024
export const envelopeVersion = 1
export const sessionLength = 8
export const signatureLength = 64

/** Largest value of the 6-byte time and the 4-byte fields. */
export const maximumTime = 2 ** 48 - 1
export const maximumUint32 = 2 ** 32 - 1

/** What the protected header says (docs/protocol.md, "Envelope"). */
export interface Header {
  suite: SuiteName
  epoch: number
  sender: number
  /** 8 bytes. */
  session: Uint8Array
  /** Authority time, ms. */
  sealedAt: number
  sequence: number
}

/** An envelope taken apart. Every part is a view of the bytes received. */
export interface EnvelopeParts {
  header: Header
  /** The protected header's encoded map: what is authenticated. */
  protectedHeader: Uint8Array
  /** 10 bytes: time ‖ sequence. */
  partialIv: Uint8Array
  signature: Uint8Array | null
  ciphertext: Uint8Array
}

// The protected map begins with "1: alg", in the one shortest encoding of each suite.
const algorithmBytes: Record<SuiteName, readonly number[]> = {
  A256GCM: [0xa3, 0x01, 0x03],
  'ChaCha20/Poly1305': [0xa3, 0x01, 0x18, 0x18],
  'A256CBC-HS512': [0xa3, 0x01, 0x3a, 0x00, 0x01, 0x00, 0x00],
}
const suiteNames = Object.keys(suites) as SuiteName[]
const kidLength = 17
const partialIvLength = 10
const afterAlgorithm = 2 + kidLength + 2 + partialIvLength

/** Length of the encoded protected map of a suite, bytes. */
export function protectedLength(suite: SuiteName): number {
  return algorithmBytes[suite].length + afterAlgorithm
}

/** Encodes the protected map: alg (1), kid (4) = version ‖ epoch ‖ sender ‖ session, Partial IV (6) = time ‖ sequence. */
export function encodeProtectedHeader(header: Header): Uint8Array {
  const algorithm = algorithmBytes[header.suite]
  const bytes = working.take(algorithm.length + afterAlgorithm)
  let at = 0
  while (at < algorithm.length) bytes[at] = algorithm[at++]!
  bytes[at++] = 0x04
  bytes[at++] = 0x40 | kidLength
  bytes[at++] = envelopeVersion
  at = writeUint32(bytes, at, header.epoch)
  at = writeUint32(bytes, at, header.sender)
  bytes.set(header.session, at)
  at += sessionLength
  bytes[at++] = 0x06
  bytes[at++] = 0x40 | partialIvLength
  bytes[at++] = Math.floor(header.sealedAt / 2 ** 40)
  bytes[at++] = Math.floor(header.sealedAt / 2 ** 32) & 0xff
  at = writeUint32(bytes, at, header.sealedAt % 2 ** 32)
  writeUint32(bytes, at, header.sequence)
  return bytes
}

/** The last 10 bytes of the protected map. */
export function partialIvOf(protectedHeader: Uint8Array): Uint8Array {
  return protectedHeader.subarray(protectedHeader.length - partialIvLength)
}

/** Puts an envelope together: COSE_Encrypt0 (RFC 9052, 5.2), tag 16. */
export function encodeEnvelope(
  protectedHeader: Uint8Array,
  signature: Uint8Array | null,
  ...ciphertext: readonly Uint8Array[]
): Uint8Array {
  const ciphertextLength = totalLength(ciphertext)
  const unprotected = signature ? 4 + signatureLength : 1
  const ciphertextAt = 4 + protectedHeader.length + unprotected + byteStringHeadLength(ciphertextLength)
  const bytes = handedOut.take(ciphertextAt + ciphertextLength)
  bytes[0] = 0xd0
  bytes[1] = 0x83
  bytes[2] = 0x58
  bytes[3] = protectedHeader.length
  bytes.set(protectedHeader, 4)
  let at = 4 + protectedHeader.length
  if (signature) {
    bytes[at++] = 0xa1
    bytes[at++] = 0x0c
    bytes[at++] = 0x58
    bytes[at++] = signatureLength
    bytes.set(signature, at)
    at += signatureLength
  } else bytes[at++] = 0xa0
  at = writeByteStringHead(bytes, at, ciphertextLength)
  for (const part of ciphertext) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

/**
 * Takes an envelope apart, at fixed offsets and without a copy. Nothing but the one layout is read.
 * @throws SealError `malformed`
 */
export function decodeEnvelope(bytes: Uint8Array): EnvelopeParts {
  if (bytes.length > maximumEnvelopeLength) throw new SealError('malformed', 'The envelope is too long.')
  if (bytes[0] !== 0xd0 || bytes[1] !== 0x83 || bytes[2] !== 0x58) throw new SealError('malformed')
  const suite = suiteOf(bytes)
  const kidAt = 4 + algorithmBytes[suite].length
  const end = 4 + protectedLength(suite)
  if (bytes.length < end + 1) throw new SealError('malformed')
  if (bytes[kidAt] !== 0x04 || bytes[kidAt + 1] !== (0x40 | kidLength) || bytes[kidAt + 2] !== envelopeVersion) {
    throw new SealError('malformed')
  }
  const ivAt = kidAt + 2 + kidLength
  if (bytes[ivAt] !== 0x06 || bytes[ivAt + 1] !== (0x40 | partialIvLength)) throw new SealError('malformed')
  const header: Header = {
    suite,
    epoch: readUint32(bytes, kidAt + 3),
    sender: readUint32(bytes, kidAt + 7),
    session: bytes.subarray(kidAt + 11, kidAt + 11 + sessionLength),
    sealedAt: ((bytes[ivAt + 2]! << 8) | bytes[ivAt + 3]!) * 2 ** 32 + readUint32(bytes, ivAt + 4),
    sequence: readUint32(bytes, ivAt + 8),
  }
  let at = end
  let signature: Uint8Array | null = null
  if (bytes[at] === 0xa1) {
    if (!startsWith(bytes, at, [0xa1, 0x0c, 0x58, signatureLength])) throw new SealError('malformed')
    signature = bytes.subarray(at + 4, at + 4 + signatureLength)
    at += 4 + signatureLength
  } else if (bytes[at] === 0xa0) at += 1
  else throw new SealError('malformed')
  return {
    header,
    protectedHeader: bytes.subarray(4, end),
    partialIv: bytes.subarray(end - partialIvLength, end),
    signature,
    ciphertext: readLastByteString(bytes, at),
  }
}

/** What `inspect` shows of an envelope without any key. */
export interface EnvelopeInspection {
  version: number
  suite: SuiteName
  epoch: number
  sender: number
  session: string
  sealedAt: number
  sequence: number
  signed: boolean
  ciphertextLength: number
  length: number
}

/** Reads the open part of an envelope without any key. @throws SealError `malformed` */
export function inspectEnvelope(bytes: Uint8Array): EnvelopeInspection {
  const { header, signature, ciphertext } = decodeEnvelope(bytes)
  const { session, ...open } = header
  return {
    version: envelopeVersion,
    ...open,
    session: toHex(session),
    signed: signature !== null,
    ciphertextLength: ciphertext.length,
    length: bytes.length,
  }
}

function suiteOf(bytes: Uint8Array): SuiteName {
  for (const name of suiteNames) {
    if (bytes[3] === protectedLength(name) && startsWith(bytes, 4, algorithmBytes[name])) return name
  }
  throw new SealError('malformed')
}

// The ciphertext's head must be the shortest one and the string must end where the bytes end.
function readLastByteString(bytes: Uint8Array, at: number): Uint8Array {
  const first = bytes[at]
  if (first === undefined) throw new SealError('malformed')
  const isShort = first >= 0x40 && first < 0x58
  const lengthBytes = isShort ? 0 : first === 0x58 ? 1 : first === 0x59 ? 2 : first === 0x5a ? 4 : -1
  const start = at + 1 + lengthBytes
  if (lengthBytes < 0 || start > bytes.length) throw new SealError('malformed')
  let length = isShort ? first & 0x1f : 0
  for (let index = at + 1; index < start; index++) length = length * 256 + bytes[index]!
  if (length !== bytes.length - start || byteStringHeadLength(length) !== 1 + lengthBytes)
    throw new SealError('malformed')
  return bytes.subarray(start)
}

function startsWith(bytes: Uint8Array, at: number, expected: ArrayLike<number>): boolean {
  for (let index = 0; index < expected.length; index++) if (bytes[at + index] !== expected[index]) return false
  return true
}

function writeUint32(bytes: Uint8Array, at: number, value: number): number {
  bytes[at] = value >>> 24
  bytes[at + 1] = (value >>> 16) & 0xff
  bytes[at + 2] = (value >>> 8) & 0xff
  bytes[at + 3] = value & 0xff
  return at + 4
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0
}
