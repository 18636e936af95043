import { chacha20poly1305 } from '@noble/ciphers/chacha.js'
import type { AeadKey, CbcKey, Cryptography, SigningKey, VerificationKey } from '../cryptography.ts'
import { SealError } from '../error-codes.ts'
import type { SignatureAlgorithm } from '../types.ts'

interface WebSigningKey extends SigningKey {
  readonly privateKey: CryptoKey
}
interface WebVerificationKey extends VerificationKey {
  readonly key: CryptoKey
}

const { subtle } = globalThis.crypto
const keyAlgorithms = { ES256: { name: 'ECDSA', namedCurve: 'P-256' }, EdDSA: { name: 'Ed25519' } } as const
const signAlgorithms = { ES256: { name: 'ECDSA', hash: 'SHA-256' }, EdDSA: { name: 'Ed25519' } } as const

/** The back end for browsers: asynchronous, on WebCrypto; ChaCha20-Poly1305, which WebCrypto lacks, on @noble/ciphers. */
export const webCryptography: Cryptography = {
  name: 'webcrypto',
  randomBytes: (length) => globalThis.crypto.getRandomValues(new Uint8Array(length)),
  generateSigningKey: async (algorithm, extractable = true) => {
    const pair = (await subtle.generateKey(keyAlgorithms[algorithm], extractable, ['sign', 'verify'])) as CryptoKeyPair
    return signingKey(algorithm, pair.privateKey, pair.publicKey)
  },
  importSigningKey: async (algorithm, pkcs8) => {
    try {
      const privateKey = await subtle.importKey('pkcs8', owned(pkcs8), keyAlgorithms[algorithm], true, ['sign'])
      const { d: _, key_ops: __, ...jwk } = await subtle.exportKey('jwk', privateKey)
      const publicKey = await subtle.importKey('jwk', jwk, keyAlgorithms[algorithm], true, ['verify'])
      return await signingKey(algorithm, privateKey, publicKey)
    } catch {
      throw new SealError('malformed', 'The signing key cannot be read.')
    }
  },
  exportSigningKey: async (key) => new Uint8Array(await subtle.exportKey('pkcs8', (key as WebSigningKey).privateKey)),
  sign: async (key, data) =>
    new Uint8Array(await subtle.sign(signAlgorithms[key.algorithm], (key as WebSigningKey).privateKey, owned(data))),
  importVerificationKey: async (algorithm, publicKey) => {
    // Compressed and hybrid points are other names of the same key; only one form is taken.
    const lengthIsRight =
      algorithm === 'ES256' ? publicKey.length === 65 && publicKey[0] === 4 : publicKey.length === 32
    if (!lengthIsRight) throw new SealError('malformed', 'The public key has the wrong form.')
    try {
      return {
        algorithm,
        key: await subtle.importKey('raw', owned(publicKey), keyAlgorithms[algorithm], true, ['verify']),
      }
    } catch {
      throw new SealError('malformed', 'The public key is not a point of its curve.')
    }
  },
  verify: (key, signature, data) =>
    subtle.verify(signAlgorithms[key.algorithm], (key as WebVerificationKey).key, owned(signature), owned(data)),
  hkdfSha256: async (key, salt, info, length) => {
    const secret = await subtle.importKey('raw', owned(key), 'HKDF', false, ['deriveBits'])
    const algorithm = { name: 'HKDF', hash: 'SHA-256', salt: owned(salt), info: owned(info) }
    return new Uint8Array(await subtle.deriveBits(algorithm, secret, length * 8))
  },
  hmac: async (hash, key) => {
    const secret = await subtle.importKey('raw', owned(key), { name: 'HMAC', hash }, false, ['sign'])
    return async (data) => new Uint8Array(await subtle.sign('HMAC', secret, owned(data)))
  },
  importAead: (suite, key) => (suite === 'A256GCM' ? importGcm(key) : importChaCha(key)),
  importCbc,
  equalSecret: (a, b) => {
    if (a.length !== b.length) return false
    let difference = 0
    for (let index = 0; index < a.length; index++) difference |= a[index]! ^ b[index]!
    return difference === 0
  },
}

async function importGcm(bytes: Uint8Array): Promise<AeadKey> {
  const key = await subtle.importKey('raw', owned(bytes), 'AES-GCM', false, ['encrypt', 'decrypt'])
  const algorithm = (nonce: Uint8Array, aad: Uint8Array) => ({
    name: 'AES-GCM',
    iv: owned(nonce),
    additionalData: owned(aad),
    tagLength: 128,
  })
  return {
    seal: async (nonce, aad, plaintext) => [
      new Uint8Array(await subtle.encrypt(algorithm(nonce, aad), key, owned(plaintext))),
    ],
    open: async (nonce, aad, sealed) => {
      if (sealed.length < 16) return null
      return decrypted(subtle.decrypt(algorithm(nonce, aad), key, owned(sealed)))
    },
  }
}

function importChaCha(key: Uint8Array): AeadKey {
  return {
    seal: (nonce, aad, plaintext) => [chacha20poly1305(key, nonce, aad).encrypt(plaintext)],
    open: (nonce, aad, sealed) => {
      if (sealed.length < 16) return null
      try {
        return chacha20poly1305(key, nonce, aad).decrypt(sealed)
      } catch {
        return null
      }
    },
  }
}

async function importCbc(bytes: Uint8Array): Promise<CbcKey> {
  const key = await subtle.importKey('raw', owned(bytes), 'AES-CBC', false, ['encrypt', 'decrypt'])
  return {
    encrypt: async (iv, plaintext) =>
      new Uint8Array(await subtle.encrypt({ name: 'AES-CBC', iv: owned(iv) }, key, owned(plaintext))),
    decrypt: (iv, ciphertext) => decrypted(subtle.decrypt({ name: 'AES-CBC', iv: owned(iv) }, key, owned(ciphertext))),
  }
}

// Only a failed authentication means "wrong"; anything else is a fault of ours and must be heard.
async function decrypted(attempt: Promise<ArrayBuffer>): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await attempt)
  } catch (error) {
    if (error instanceof Error && error.name === 'OperationError') return null
    throw error
  }
}

async function signingKey(
  algorithm: SignatureAlgorithm,
  privateKey: CryptoKey,
  publicKey: CryptoKey,
): Promise<WebSigningKey> {
  return { algorithm, publicKey: new Uint8Array(await subtle.exportKey('raw', publicKey)), privateKey }
}

// WebCrypto's types refuse views of shared memory, which nothing here makes.
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}
