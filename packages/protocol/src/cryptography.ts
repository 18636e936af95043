import type { Awaitable } from './awaitable.ts'
import type { SignatureAlgorithm } from './types.ts'

/** A private key to sign with. What it holds is the back end's own. */
export interface SigningKey {
  readonly algorithm: SignatureAlgorithm
  /** ES256: 65-byte uncompressed SEC1 point; EdDSA: 32 bytes. */
  readonly publicKey: Uint8Array
}

/** A public key to verify with. */
export interface VerificationKey {
  readonly algorithm: SignatureAlgorithm
}

/** AES-256-GCM or ChaCha20-Poly1305 under one key; 12-byte nonces, 16-byte tags. */
export interface AeadKey {
  /** Ciphertext ‖ tag, in one part or more. */
  seal(nonce: Uint8Array, aad: Uint8Array, plaintext: Uint8Array): Awaitable<readonly Uint8Array[]>
  /** The plaintext, or null when the tag is wrong. */
  open(nonce: Uint8Array, aad: Uint8Array, sealed: Uint8Array): Awaitable<Uint8Array | null>
}

/** AES-256-CBC with PKCS #7 padding under one key. Only ever used below a MAC. */
export interface CbcKey {
  encrypt(iv: Uint8Array, plaintext: Uint8Array): Awaitable<Uint8Array>
  /** The plaintext, or null when the padding is wrong. */
  decrypt(iv: Uint8Array, ciphertext: Uint8Array): Awaitable<Uint8Array | null>
}

/** What the protocol needs of a back end; both pass one contract suite. */
export interface Cryptography {
  readonly name: 'node' | 'webcrypto'
  randomBytes(length: number): Uint8Array
  /** @param extractable default true; false: `exportSigningKey` fails, where the back end can keep a key to itself (WebCrypto) */
  generateSigningKey(algorithm: SignatureAlgorithm, extractable?: boolean): Awaitable<SigningKey>
  /** @throws SealError `malformed` when it is not a PKCS #8 key of this algorithm */
  importSigningKey(algorithm: SignatureAlgorithm, pkcs8: Uint8Array): Awaitable<SigningKey>
  /** PKCS #8, DER. */
  exportSigningKey(key: SigningKey): Awaitable<Uint8Array>
  /** 64 bytes: r ‖ s (RFC 9053, 2.1) or the Ed25519 signature (RFC 8032). */
  sign(key: SigningKey, data: Uint8Array): Awaitable<Uint8Array>
  /** @throws SealError `malformed` when it is no point of the curve */
  importVerificationKey(algorithm: SignatureAlgorithm, publicKey: Uint8Array): Awaitable<VerificationKey>
  verify(key: VerificationKey, signature: Uint8Array, data: Uint8Array): Awaitable<boolean>
  /** RFC 5869. */
  hkdfSha256(key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number): Awaitable<Uint8Array>
  hmac(hash: 'SHA-256' | 'SHA-512', key: Uint8Array): Awaitable<(data: Uint8Array) => Awaitable<Uint8Array>>
  importAead(suite: 'A256GCM' | 'ChaCha20/Poly1305', key: Uint8Array): Awaitable<AeadKey>
  importCbc(key: Uint8Array): Awaitable<CbcKey>
  /** Constant-time comparison. */
  equalSecret(a: Uint8Array, b: Uint8Array): boolean
}
