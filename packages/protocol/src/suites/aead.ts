import { chain } from '../awaitable.ts'
import { working } from '../slab.ts'
import type { Suite } from './index.ts'

/** A256GCM and ChaCha20/Poly1305: 32 bytes of key, 12 of base IV; nonce = base IV XOR Partial IV (RFC 9052, 3.1). */
export const aeadSuite = (name: 'A256GCM' | 'ChaCha20/Poly1305'): Suite => ({
  tagLength: 16,
  materialLength: 44,
  importKey: (cryptography, material) => {
    const baseIv = material.slice(32, 44)
    return chain(cryptography.importAead(name, material.slice(0, 32)), (key) => ({
      seal: (partialIv, aad, plaintext) => key.seal(nonce(baseIv, partialIv), aad, plaintext),
      open: (partialIv, aad, sealed) => key.open(nonce(baseIv, partialIv), aad, sealed),
    }))
  },
})

// The Partial IV is padded with zeros on the left to the length of the nonce.
function nonce(baseIv: Uint8Array, partialIv: Uint8Array): Uint8Array {
  const bytes = working.take(baseIv.length)
  bytes.set(baseIv)
  const offset = bytes.length - partialIv.length
  for (let index = 0; index < partialIv.length; index++) bytes[offset + index]! ^= partialIv[index]!
  return bytes
}
