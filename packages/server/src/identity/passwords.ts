import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { AuthorityError } from '../authority-error.ts'

// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
const parameters = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 }
const prefix = `$argon2id$v=19$m=${parameters.memory},t=${parameters.passes},p=${parameters.parallelism}$`
const argon2Async = promisify(argon2)

/** 12 to 128 characters after NFC (NIST SP 800-63B, 3.1.1.2); neither the name nor the address. */
export function checkPassword(password: string, email: string, name: string): void {
  const length = [...password.normalize('NFC')].length
  if (length < 12) throw new AuthorityError('weak-password', 'The password needs at least 12 characters.')
  if (length > 128) throw new AuthorityError('weak-password', 'The password may have at most 128 characters.')
  const folded = password.normalize('NFC').toLowerCase()
  if ([email, name].some((word) => folded === word.toLowerCase()) || new Set(folded).size < 4) {
    throw new AuthorityError('weak-password', 'The password is too easy to guess. Take several unrelated words.')
  }
}

/** Argon2id in the PHC string format. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16)
  const hash = await derive(password, nonce)
  return `${prefix}${unpadded(nonce)}$${unpadded(hash)}`
}

/** Whether a password is the one of a PHC string; takes as long when there is none (null). */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const [nonce, hash] = stored?.startsWith(prefix) ? stored.slice(prefix.length).split('$') : []
  const derived = await derive(password, nonce ? Buffer.from(nonce, 'base64') : Buffer.alloc(16))
  const expected = Buffer.from(hash ?? '', 'base64')
  return expected.length === derived.length && timingSafeEqual(derived, expected)
}

function derive(password: string, nonce: Buffer): Promise<Buffer> {
  return argon2Async('argon2id', { message: password.normalize('NFC'), nonce, ...parameters })
}

const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
