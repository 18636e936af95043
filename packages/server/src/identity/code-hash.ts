import { createHmac } from 'node:crypto'
import type { MasterKey } from '../keys/master-key.ts'

/** Hashes with a key outside the store: six digits alone would be found by trying all. */
export class CodeHasher {
  readonly #key: Uint8Array

  constructor(masterKey: MasterKey) {
    this.#key = masterKey.derive('sealmq one-time codes')
  }

  /** 32 bytes that are good only for this use of the code. */
  hash(use: string, code: string): Uint8Array {
    return new Uint8Array(
      createHmac('sha256', this.#key)
        .update(JSON.stringify([use, code]))
        .digest(),
    )
  }

  /** A name as it stands in counters: whoever reads the store learns no name that never had an account. */
  name(signInName: string): string {
    return Buffer.from(this.hash('sign-in name', signInName)).toString('base64url')
  }
}
