import { argon2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { AuthorityError } from '../authority-error.ts'
import { isBcryptPassword, passwordStrength } from './password-judge.ts'

// OWASP's minimum for Argon2id: 19 MiB, two passes, one lane.
const parameters = { memory: 19_456, passes: 2, parallelism: 1, tagLength: 32 }
const prefix = `$argon2id$v=19$m=${parameters.memory},t=${parameters.passes},p=${parameters.parallelism}$`
const argon2Async = promisify(argon2)

const shortest = 12
const longest = 128
/** zxcvbn's score from which a password may be taken: "safely unguessable" begins at 3. */
const weakest = 3
/**
 * Hashes at a time; each takes 19 MiB and one of the four threads of libuv, which the disk needs too: more, and a flood of
 * sign-ins would hold up the broker.
 */
const parallelHashes = 2
const waitingLimit = 256

/**
 * 12 to 128 characters after NFC, no rule of composition, nothing that is easily guessed (NIST SP 800-63B-4, 3.1.1.2).
 * @param known what belongs to the person: names, address
 * @throws AuthorityError `weak-password`, with what would help
 */
export async function checkPassword(password: string, known: readonly string[]): Promise<void> {
  const normal = normalPassword(password)
  const length = [...normal].length
  if (length < shortest)
    throw new AuthorityError('weak-password', `The password needs at least ${shortest} characters. Take several words.`)
  if (length > longest)
    throw new AuthorityError('weak-password', `The password may have at most ${longest} characters.`)
  const words = known.flatMap((word) => [word, ...word.split(/[@\s]/)]).filter((word) => word.length > 2)
  const { score, advice } = await passwordStrength(normal, words)
  if (score >= weakest) return
  throw new AuthorityError(
    'weak-password',
    `The password is easy to guess (strength ${score} of 4). ${advice.join(' ') || 'Take several unrelated words.'}`,
  )
}

/** Argon2id in the PHC string format. */
export async function hashPassword(password: string): Promise<string> {
  const nonce = randomBytes(16)
  const hash = await derive(password, nonce)
  return `${prefix}${unpadded(nonce)}$${unpadded(hash)}`
}

/**
 * Whether a password is the one that is stored; takes as long when there is none (null).
 * @throws AuthorityError `busy` when too many wait already
 */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  if (stored && isImportedHash(stored)) return isBcryptPassword(password, stored)
  const [nonce, hash] = stored?.startsWith(prefix) ? stored.slice(prefix.length).split('$') : []
  const derived = await derive(password, nonce ? Buffer.from(nonce, 'base64') : Buffer.alloc(16))
  const expected = Buffer.from(hash ?? '', 'base64')
  return expected.length === derived.length && timingSafeEqual(derived, expected)
}

/** Whether a hash was made by the original system (bcrypt) and is to be made anew at the next sign-in. */
export const isImportedHash = (stored: string): boolean => /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/.test(stored)

/** SQL pattern of such hashes. */
export const importedHashPattern = '$2%'

const normalPassword = (password: string) => password.normalize('NFC')

let running = 0
const waiting: (() => void)[] = []

async function derive(password: string, nonce: Buffer): Promise<Buffer> {
  if (running < parallelHashes) running++
  else {
    if (waiting.length >= waitingLimit)
      throw new AuthorityError('busy', 'Too many sign-ins at once. Try again in a moment.', { retryAfter: 2 })
    await new Promise<void>((resolve) => waiting.push(resolve))
  }
  try {
    return await argon2Async('argon2id', { message: normalPassword(password), nonce, ...parameters })
  } finally {
    // The next one takes over the place of this one.
    const next = waiting.shift()
    if (next) next()
    else running--
  }
}

const unpadded = (bytes: Buffer) => bytes.toString('base64').replaceAll('=', '')
