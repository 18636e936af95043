import { createHash, randomBytes } from 'node:crypto'

/** A new 256-bit secret as base64url: tokens, broker credentials. */
export const newSecret = (): string => randomBytes(32).toString('base64url')

/** What the store keeps of a secret of 256 random bits; such a secret needs no slow hash. 32 bytes. */
export const hashSecret = (secret: string | Uint8Array): Uint8Array =>
  new Uint8Array(createHash('sha256').update(secret).digest())
