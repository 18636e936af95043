import { AuditLogError } from './audit-log-error.ts'

// As many arguments as every engine takes.
const sliceLength = 8192

/** Bytes as base64 with padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  let text = ''
  for (let at = 0; at < bytes.length; at += sliceLength)
    text += String.fromCharCode(...bytes.subarray(at, at + sliceLength))
  return btoa(text)
}

/**
 * Reads base64 with padding (RFC 4648, section 4), strictly: no other characters, no unused bits set.
 * @throws AuditLogError `malformed`
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(text)) throw notBase64()
  const decoded = decode(text)
  if (btoa(decoded) !== text) throw notBase64()
  return Uint8Array.from(decoded, (character) => character.charCodeAt(0))
}

function decode(text: string): string {
  try {
    return atob(text)
  } catch {
    throw notBase64()
  }
}

function notBase64(): AuditLogError {
  return new AuditLogError('malformed', 'The text is not base64.')
}
