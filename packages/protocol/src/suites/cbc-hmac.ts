import { type Awaitable, chain } from '../awaitable.ts'
import { concatBytes } from '../bytes.ts'
import type { CbcKey, Cryptography } from '../cryptography.ts'
import type { Suite } from './index.ts'

type Mac = (data: Uint8Array) => Awaitable<Uint8Array>

/** A256CBC-HS512 (RFC 7518, 5.2.5): MAC, encryption and IV keys of 32 bytes each; the IV is derived, not sent. */
export const cbcHmacSuite: Suite = {
  tagLength: 32,
  materialLength: 96,
  importKey: (cryptography, material) =>
    chain(cryptography.hmac('SHA-512', material.slice(0, 32)), (mac) =>
      chain(cryptography.importCbc(material.slice(32, 64)), (cbc) =>
        chain(cryptography.hmac('SHA-256', material.slice(64, 96)), (ivMac) => ({
          seal: (partialIv, aad, plaintext) => seal({ mac, cbc, ivMac }, partialIv, aad, plaintext),
          open: (partialIv, aad, sealed) => open(cryptography, { mac, cbc, ivMac }, partialIv, aad, sealed),
        })),
      ),
    ),
}

interface Keys {
  mac: Mac
  cbc: CbcKey
  ivMac: Mac
}

function seal(
  keys: Keys,
  partialIv: Uint8Array,
  aad: Uint8Array,
  plaintext: Uint8Array,
): Awaitable<readonly Uint8Array[]> {
  return chain(initialisationVector(keys, partialIv), (iv) =>
    chain(keys.cbc.encrypt(iv, plaintext), (ciphertext) =>
      chain(keys.mac(macInput(aad, iv, ciphertext)), (mac) => [ciphertext, mac.subarray(0, 32)]),
    ),
  )
}

// The tag is checked before anything is decrypted, so that padding tells nobody anything.
function open(
  cryptography: Cryptography,
  keys: Keys,
  partialIv: Uint8Array,
  aad: Uint8Array,
  sealed: Uint8Array,
): Awaitable<Uint8Array | null> {
  if (sealed.length < 32 + 16 || sealed.length % 16 !== 0) return null
  const ciphertext = sealed.subarray(0, sealed.length - 32)
  const tag = sealed.subarray(sealed.length - 32)
  return chain(initialisationVector(keys, partialIv), (iv) =>
    chain(keys.mac(macInput(aad, iv, ciphertext)), (mac) =>
      cryptography.equalSecret(mac.subarray(0, 32), tag) ? keys.cbc.decrypt(iv, ciphertext) : null,
    ),
  )
}

function initialisationVector(keys: Keys, partialIv: Uint8Array): Awaitable<Uint8Array> {
  return chain(keys.ivMac(partialIv), (mac) => mac.subarray(0, 16))
}

// A ‖ IV ‖ E ‖ AL, AL = the length of A in bits as 64-bit big-endian (RFC 7518, 5.2.2.1).
function macInput(aad: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array {
  const lengthInBits = new Uint8Array(8)
  new DataView(lengthInBits.buffer).setBigUint64(0, BigInt(aad.length) * 8n)
  return concatBytes(aad, iv, ciphertext, lengthInBits)
}
