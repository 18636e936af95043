import type { Awaitable } from '../awaitable.ts'

/** Seals and opens the messages of one session. The nonce is made of the Partial IV, which never repeats in a session. */
export interface MessageKey {
  /** Ciphertext ‖ tag, in one part or more. */
  seal(partialIv: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Awaitable<readonly Uint8Array[]>
  /** The plaintext, or null when the tag is wrong. */
  open(partialIv: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Awaitable<Uint8Array | null>
}
