import { createHash, randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

const prefix = 'scrypt-16384-8-5'
const cost = { N: 16_384, r: 8, p: 5, maxmem: 64 * 1024 * 1024 }
const format = /^scrypt-16384-8-5\$([A-Za-z0-9_-]{22})\$([A-Za-z0-9_-]{43})$/

/** Whether a text is what `hashPassword` gives. */
export const isPasswordHash = (text: string): boolean => format.test(text)

/** A hash that a configuration may hold: scrypt with the parameters that OWASP lists (N 2^14, r 8, p 5). */
export async function hashPassword(password: string, salt: Uint8Array = randomBytes(16)): Promise<string> {
  const key = await derive(password, salt)
  return `${prefix}$${Buffer.from(salt).toString('base64url')}$${key.toString('base64url')}`
}

/** Whether a password is that of a hash. */
export async function matchesHash(password: Uint8Array, hash: string): Promise<boolean> {
  const [, salt, key] = format.exec(hash)!
  const derived = await derive(password, Buffer.from(salt!, 'base64url'))
  return timingSafeEqual(derived, Buffer.from(key!, 'base64url'))
}

/** Whether two passwords are one, in a time that does not tell how far they agree. */
export function samePassword(one: Uint8Array, other: Uint8Array): boolean {
  const digest = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()
  return timingSafeEqual(digest(one), digest(other))
}

function derive(password: string | Uint8Array, salt: Uint8Array): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, 32, cost, (error, key) => (error ? reject(error) : resolve(key)))
  })
}
