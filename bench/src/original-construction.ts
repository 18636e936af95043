import { createCipheriv, createDecipheriv, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

export interface OriginalKeys {
  /** 16 bytes. */
  aes: Uint8Array
  /** 32 bytes. */
  hmac: Uint8Array
}

const ivLength = 16
const tagLength = 32

/** What the original system puts on the wire: base64(iv ‖ AES-128-CBC ‖ HMAC-SHA-256(iv ‖ ciphertext)). Kept for comparison only. */
export function sealOriginal(keys: OriginalKeys, plaintext: Uint8Array): string {
  const iv = randomBytes(ivLength)
  const cipher = createCipheriv('aes-128-cbc', keys.aes, iv)
  const body = Buffer.concat([iv, cipher.update(plaintext), cipher.final()])
  const tag = createHmac('sha256', keys.hmac).update(body).digest()
  return Buffer.concat([body, tag]).toString('base64')
}

/** @throws Error when it is not authentic */
export function openOriginal(keys: OriginalKeys, payload: string): Buffer {
  const bytes = Buffer.from(payload, 'base64')
  const body = bytes.subarray(0, -tagLength)
  const tag = createHmac('sha256', keys.hmac).update(body).digest()
  const given = bytes.subarray(-tagLength)
  if (bytes.length < ivLength + tagLength || !timingSafeEqual(tag, given)) throw new Error('not authentic')
  const decipher = createDecipheriv('aes-128-cbc', keys.aes, body.subarray(0, ivLength))
  return Buffer.concat([decipher.update(body.subarray(ivLength)), decipher.final()])
}
