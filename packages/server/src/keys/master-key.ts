import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto'
import { chmod, open, readFile } from 'node:fs/promises'
import { StartError } from '../authority-error.ts'

/** The 256-bit key that wraps every other key of the authority. It is never in the database. */
export class MasterKey {
  readonly #key: KeyObject
  /** 32 bytes that tell, without revealing it, whether a master key is the one that a store was made with. */
  readonly check: Uint8Array

  constructor(bytes: Uint8Array) {
    const noSalt = new Uint8Array(0)
    this.check = new Uint8Array(hkdfSync('sha256', bytes, noSalt, 'sealmq master key check', 32))
    this.#key = createSecretKey(new Uint8Array(hkdfSync('sha256', bytes, noSalt, 'sealmq key wrapping', 32)))
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
 * @throws StartError `master-key-damaged`, `master-key-missing`
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
  const file = await open(path, 'wx', 0o600)
  await file.writeFile(`${bytes.toString('base64url')}\n`)
  await file.sync()
  await file.close()
  return new MasterKey(new Uint8Array(bytes))
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
