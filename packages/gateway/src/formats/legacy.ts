import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import { FormatError, type PayloadFormat } from './payload-format.ts'

/** The original system's two keys. */
export interface LegacyKeys {
  /** 16 bytes. */
  aes: Uint8Array
  /** 32 bytes. */
  hmac: Uint8Array
}

const ivLength = 16
const blockLength = 16
const tagLength = 32
/** Canonical base64 (RFC 4648, 4); Node's own reader skips what is none. */
const base64 = /^(?:[A-Za-z0-9+/]{4})+(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/**
 * The payloads of the original Python system: base64(iv[16] ‖ AES-128-CBC ciphertext ‖ HMAC-SHA-256(hmac key, iv ‖ ciphertext)[32]).
 * One key for all, no freshness: whoever has recorded such a payload can send it again. For a migration only.
 * @param iv 16 fresh random bytes
 */
export function legacyFormat(keys: LegacyKeys, iv: () => Uint8Array = () => randomBytes(ivLength)): PayloadFormat {
  return {
    name: 'legacy',
    fromMachine: (payload) => openLegacy(keys, payload),
    toMachine: (payload) => sealLegacy(keys, payload, iv()),
  }
}

function sealLegacy({ aes, hmac }: LegacyKeys, plaintext: Uint8Array, iv: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-128-cbc', aes, iv)
  const body = Buffer.concat([iv, cipher.update(plaintext), cipher.final()])
  const tag = createHmac('sha256', hmac).update(body).digest()
  return Buffer.from(Buffer.concat([body, tag]).toString('base64'), 'latin1')
}

function openLegacy({ aes, hmac }: LegacyKeys, payload: Uint8Array): Uint8Array {
  const text = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1')
  if (!base64.test(text)) throw new FormatError('not base64')
  const bytes = Buffer.from(text, 'base64')
  const bodyLength = bytes.length - tagLength
  if (bodyLength < ivLength + blockLength || bodyLength % blockLength !== 0) throw new FormatError('wrong length')
  const body = bytes.subarray(0, bodyLength)
  // Before anything is decrypted: padding must tell a forger nothing.
  const tag = createHmac('sha256', hmac).update(body).digest()
  if (!timingSafeEqual(tag, bytes.subarray(bodyLength))) throw new FormatError('not authentic')
  try {
    const decipher = createDecipheriv('aes-128-cbc', aes, body.subarray(0, ivLength))
    return Buffer.concat([decipher.update(body.subarray(ivLength)), decipher.final()])
  } catch {
    throw new FormatError('not authentic')
  }
}
