import {
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  createSecretKey,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
  sign,
  timingSafeEqual,
  verify,
} from 'node:crypto'
import type { AeadKey, CbcKey, Cryptography, SigningKey, VerificationKey } from '../cryptography.ts'
import { SealError } from '../error-codes.ts'
import { signatureLength } from '../layout.ts'
import type { SignatureAlgorithm } from '../types.ts'
import { fromDer, toDer } from './ecdsa-signature.ts'

interface NodeSigningKey extends SigningKey {
  readonly privateKey: KeyObject
}
interface NodeVerificationKey extends VerificationKey {
  readonly key: KeyObject
}

const cipherNames = { A256GCM: 'aes-256-gcm', 'ChaCha20/Poly1305': 'chacha20-poly1305' } as const

/** The back end for Node: synchronous, on node:crypto (OpenSSL). */
export const nodeCryptography: Cryptography = {
  name: 'node',
  randomBytes: (length) => new Uint8Array(randomBytes(length)),
  generateSigningKey: (algorithm) =>
    signingKey(
      algorithm,
      algorithm === 'ES256'
        ? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
        : generateKeyPairSync('ed25519').privateKey,
    ),
  importSigningKey: (algorithm, pkcs8) => {
    try {
      return signingKey(algorithm, createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }))
    } catch {
      throw new SealError('malformed', 'The signing key cannot be read.')
    }
  },
  exportSigningKey: (key) =>
    new Uint8Array((key as NodeSigningKey).privateKey.export({ format: 'der', type: 'pkcs8' })),
  sign: (key, data) => {
    const { privateKey } = key as NodeSigningKey
    return key.algorithm === 'ES256' ? fromDer(sign('sha256', data, privateKey)) : sign(null, data, privateKey)
  },
  importVerificationKey: (algorithm, publicKey) => ({ algorithm, key: verificationKey(algorithm, publicKey) }),
  verify: (key, signature, data) => {
    if (signature.length !== signatureLength) return false
    const { key: publicKey } = key as NodeVerificationKey
    if (key.algorithm === 'EdDSA') return verify(null, data, publicKey, signature)
    return verify('sha256', data, publicKey, toDer(signature))
  },
  hkdfSha256: (key, salt, info, length) => new Uint8Array(hkdfSync('sha256', key, salt, info, length)),
  hmac: (hash, key) => {
    const secret = createSecretKey(key)
    const name = hash === 'SHA-256' ? 'sha256' : 'sha512'
    return (data) => createHmac(name, secret).update(data).digest()
  },
  importAead,
  importCbc,
  equalSecret: (a, b) => a.length === b.length && timingSafeEqual(a, b),
}

function importAead(suite: 'A256GCM' | 'ChaCha20/Poly1305', key: Uint8Array): AeadKey {
  const secret = createSecretKey(key)
  // The types know no union of the two names; both take the same options.
  const name = cipherNames[suite] as 'aes-256-gcm'
  const options = { authTagLength: 16 }
  return {
    seal: (nonce, aad, plaintext) => {
      const cipher = createCipheriv(name, secret, nonce, options)
      cipher.setAAD(aad)
      const ciphertext = cipher.update(plaintext)
      cipher.final()
      return [ciphertext, cipher.getAuthTag()]
    },
    open: (nonce, aad, sealed) => {
      if (sealed.length < 16) return null
      const decipher = createDecipheriv(name, secret, nonce, options)
      decipher.setAAD(aad)
      decipher.setAuthTag(sealed.subarray(sealed.length - 16))
      const plaintext = decipher.update(sealed.subarray(0, sealed.length - 16))
      try {
        decipher.final()
      } catch {
        return null
      }
      return plaintext
    },
  }
}

function importCbc(key: Uint8Array): CbcKey {
  const secret = createSecretKey(key)
  return {
    encrypt: (iv, plaintext) => {
      const cipher = createCipheriv('aes-256-cbc', secret, iv)
      return Buffer.concat([cipher.update(plaintext), cipher.final()])
    },
    decrypt: (iv, ciphertext) => {
      const decipher = createDecipheriv('aes-256-cbc', secret, iv)
      try {
        return Buffer.concat([decipher.update(ciphertext), decipher.final()])
      } catch {
        return null
      }
    },
  }
}

function signingKey(algorithm: SignatureAlgorithm, privateKey: KeyObject): NodeSigningKey {
  const jwk = createPublicKey(privateKey).export({ format: 'jwk' })
  if (jwk.crv !== (algorithm === 'ES256' ? 'P-256' : 'Ed25519')) {
    throw new SealError('malformed', `The signing key is not an ${algorithm} key.`)
  }
  const x = Buffer.from(jwk.x!, 'base64url')
  const publicKey = algorithm === 'ES256' ? Buffer.concat([Uint8Array.of(4), x, Buffer.from(jwk.y!, 'base64url')]) : x
  return { algorithm, publicKey: new Uint8Array(publicKey), privateKey }
}

function verificationKey(algorithm: SignatureAlgorithm, publicKey: Uint8Array): KeyObject {
  const bytes = Buffer.from(publicKey)
  const lengthIsRight = algorithm === 'ES256' ? bytes.length === 65 && bytes[0] === 4 : bytes.length === 32
  if (!lengthIsRight) throw new SealError('malformed', 'The public key has the wrong form.')
  const jwk =
    algorithm === 'ES256'
      ? {
          kty: 'EC',
          crv: 'P-256',
          x: bytes.subarray(1, 33).toString('base64url'),
          y: bytes.subarray(33).toString('base64url'),
        }
      : { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }
  try {
    return createPublicKey({ key: jwk, format: 'jwk' })
  } catch {
    throw new SealError('malformed', 'The public key is not a point of its curve.')
  }
}
