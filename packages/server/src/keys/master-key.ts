import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { chmod, open, readFile, rename, rm } from 'node:fs/promises'
import { StartError } from '../authority-error.ts'

/** The 256-bit key that wraps every other key of the authority. It is never in the database. */
export class MasterKey {
  readonly #bytes: Uint8Array
  readonly #key: KeyObject
  /** 32 bytes that tell, without revealing it, whether a master key is the one that a store was made with. */
  readonly check: Uint8Array

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    this.check = this.derive('sealmq master key check')
    this.#key = createSecretKey(this.derive('sealmq key wrapping'))
  }

  /** 32 bytes for one other use (HKDF-SHA-256, RFC 5869). */
  derive(use: string): Uint8Array {
    return new Uint8Array(hkdfSync('sha256', this.#bytes, new Uint8Array(0), use, 32))
  }

  /** nonce 12 ‖ ciphertext ‖ tag 16 (AES-256-GCM); the place is authenticated, so that rows cannot be exchanged. */
  wrap(place: string, secret: Uint8Array): Uint8Array {
    const nonce = randomBytes(12)
    const cipher = createCipheriv('aes-256-gcm', this.#key, nonce).setAAD(Buffer.from(place))
    return new Uint8Array(Buffer.concat([nonce, cipher.update(secret), cipher.final(), cipher.getAuthTag()]))
  }

  /** @throws Error when the row was altered or belongs elsewhere */
  unwrap(place: string, wrapped: Uint8Array): Uint8Array {
    const bytes = Buffer.from(wrapped)
    const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, 12), { authTagLength: 16 })
    decipher.setAAD(Buffer.from(place)).setAuthTag(bytes.subarray(-16))
    try {
      return new Uint8Array(Buffer.concat([decipher.update(bytes.subarray(12, -16)), decipher.final()]))
    } catch {
      throw new Error(`A wrapped key (${place}) was altered. Restore the store from a backup.`)
    }
  }
}

/**
 * The master key from the environment's value, else from its file, which is made (0600) when the store is new.
 * @param given base64url of 32 bytes, or null
 * @throws StartError `master-key-damaged`, `master-key-missing`, `disk-full`, `data-unwritable`
 */
export async function loadMasterKey(given: string | null, path: string, storeIsNew: boolean): Promise<MasterKey> {
  if (given !== null) return new MasterKey(parse(given, 'SEALMQ_MASTER_KEY'))
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw new StartError('master-key-damaged', `The master key ${path} cannot be read (${error.code}).`)
  })
  if (text !== null) {
    await chmod(path, 0o600)
    return new MasterKey(parse(text.trim(), path))
  }
  if (!storeIsNew) {
    throw new StartError(
      'master-key-missing',
      `The master key ${path} is gone, and without it no key of the store opens. Put it back from its backup, or give SEALMQ_MASTER_KEY.`,
    )
  }
  const bytes = randomBytes(32)
  await writeKeyFile(path, `${bytes.toString('base64url')}\n`)
  return new MasterKey(new Uint8Array(bytes))
}

// Complete or not there: half a key would be taken for a damaged one.
async function writeKeyFile(path: string, text: string): Promise<void> {
  const next = `${path}.new`
  try {
    await rm(next, { force: true })
    const file = await open(next, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(next, path)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOSPC')
      throw new StartError('disk-full', `The disk with ${path} is full. Make room and start again.`)
    throw new StartError('data-unwritable', `The master key ${path} cannot be written (${code}). Give another --data.`)
  }
}

function parse(text: string, where: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== 32 || bytes.toString('base64url') !== text) {
    throw new StartError(
      'master-key-damaged',
      `${where} does not hold a master key (43 characters of base64url). Put it back from its backup.`,
    )
  }
  return new Uint8Array(bytes)
}
