import { SealError } from './error-codes.ts'

const base64urlAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
const base64urlValues = new Map([...base64urlAlphabet].map((character, value) => [character, value]))

/** Bytes as base64url without padding (RFC 4648, section 5). */
export function toBase64url(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at
    const group = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0)
    text += base64urlAlphabet[group >> 18]! + base64urlAlphabet[(group >> 12) & 63]!
    if (left > 1) text += base64urlAlphabet[(group >> 6) & 63]!
    if (left > 2) text += base64urlAlphabet[group & 63]!
  }
  return text
}

/**
 * Reads base64url without padding (RFC 4648, section 5), strictly: no other characters, no unused bits set.
 * @throws SealError `malformed`
 */
export function fromBase64url(text: string): Uint8Array {
  const rest = text.length % 4
  if (rest === 1) throw new SealError('malformed', 'The text is not base64url.')
  const bytes = new Uint8Array(Math.floor((text.length * 3) / 4))
  let buffer = 0
  let bits = 0
  let at = 0
  for (const character of text) {
    const value = base64urlValues.get(character)
    if (value === undefined) throw new SealError('malformed', 'The text is not base64url.')
    buffer = ((buffer << 6) | value) & 0xffffff
    bits += 6
    if (bits >= 8) {
      bits -= 8
      bytes[at++] = (buffer >> bits) & 0xff
    }
  }
  if (bits > 0 && (buffer & ((1 << bits) - 1)) !== 0) throw new SealError('malformed', 'The text is not base64url.')
  return bytes
}

// Sessions are looked up by their hexadecimal form, once a message.
const hexadecimalPairs = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Bytes as lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = ''
  for (let index = 0; index < bytes.length; index++) text += hexadecimalPairs[bytes[index]!]
  return text
}

/**
 * Reads hexadecimal of either case.
 * @throws SealError `malformed`
 */
export function fromHex(text: string): Uint8Array {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text))
    throw new SealError('malformed', 'The text is not hexadecimal.')
  return Uint8Array.from({ length: text.length / 2 }, (_, index) =>
    Number.parseInt(text.slice(index * 2, index * 2 + 2), 16),
  )
}

/** Whether two public values are the same bytes. Not constant-time: never use it on secrets or tags. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let index = 0; index < a.length; index++) if (a[index] !== b[index]) return false
  return true
}

/** Length of byte strings when they are joined. */
export function totalLength(parts: readonly Uint8Array[]): number {
  let length = 0
  for (const part of parts) length += part.length
  return length
}

/** Joins byte strings. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(totalLength(parts))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}
