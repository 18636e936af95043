import { type Awaitable, chain } from '../awaitable.ts'
import type { Cryptography } from '../cryptography.ts'
import { deriveMessageKeys } from '../key-schedule.ts'
import type { SuiteName } from '../types.ts'
import { aeadSuite } from './aead.ts'
import { cbcHmacSuite } from './cbc-hmac.ts'
import type { MessageKey } from './message-key.ts'

/** One cipher suite: how much key material it takes and how a message key is made of it. */
export interface Suite {
  /** Bytes. */
  tagLength: number
  /** Bytes of HKDF output. */
  materialLength: number
  importKey(cryptography: Cryptography, material: Uint8Array): Awaitable<MessageKey>
}

/** All suites by name (docs/protocol.md, "Suites"). */
export const suiteTable: Readonly<Record<SuiteName, Suite>> = {
  A256GCM: aeadSuite('A256GCM'),
  'ChaCha20/Poly1305': aeadSuite('ChaCha20/Poly1305'),
  'A256CBC-HS512': cbcHmacSuite,
}

/** Derives and imports the key of one session's messages. */
export function messageKey(
  cryptography: Cryptography,
  suite: SuiteName,
  senderKey: Uint8Array,
  session: Uint8Array,
): Awaitable<MessageKey> {
  const { materialLength, importKey } = suiteTable[suite]
  return chain(deriveMessageKeys(cryptography, senderKey, session, suite, materialLength), (material) =>
    importKey(cryptography, material),
  )
}
