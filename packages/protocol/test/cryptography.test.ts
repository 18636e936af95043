import { type Cryptography, concatBytes, fromHex, messageKey, SealError, suiteTable, toHex } from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import { webCryptography } from '@sealmq/protocol/webcrypto'
import { describe, expect, it } from 'vitest'

const ascii = (text: string) => new TextEncoder().encode(text)
const flip = (bytes: Uint8Array, at: number) => {
  const copy = bytes.slice()
  copy[at]! ^= 1
  return copy
}

// RFC 8439, 2.8.2.
const chacha = {
  suite: 'ChaCha20/Poly1305' as const,
  key: '808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f',
  nonce: '070000004041424344454647',
  aad: '50515253c0c1c2c3c4c5c6c7',
  plaintext: toHex(
    ascii(
      "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
    ),
  ),
  sealed:
    'd31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d63dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b3692ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc3ff4def08e4b7a9de576d26586cec64b61161ae10b594f09e26a7e902ecbd0600691',
}
// McGrew and Viega, "The Galois/Counter Mode of Operation", test case 16.
const gcm = {
  suite: 'A256GCM' as const,
  key: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
  nonce: 'cafebabefacedbaddecaf888',
  aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
  plaintext:
    'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
  sealed:
    '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b',
}
// RFC 8032, 7.1, tests 1 to 3.
const ed25519 = [
  {
    key: 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    message: '',
    signature:
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  },
  {
    key: '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    message: '72',
    signature:
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  },
  {
    key: 'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    message: 'af82',
    signature:
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
  },
]
// RFC 6979, A.2.5, SHA-256.
const p256Key =
  '0460fed4ba255a9d31c961eb74c6356d68c049b8923b61fa6ce669622e60f29fb67903fe1008b8bc99a41ae9e95628bc64f2f1b20c2d7e9f5177a3c294d4462299'
const p256 = [
  {
    message: 'sample',
    signature:
      'efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8',
  },
  {
    message: 'test',
    signature:
      'f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083',
  },
]
// RFC 5869, A.1 to A.3.
const hkdf = [
  {
    key: '0b'.repeat(22),
    salt: '000102030405060708090a0b0c',
    info: 'f0f1f2f3f4f5f6f7f8f9',
    output: '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865',
  },
  {
    key: toHex(Uint8Array.from({ length: 80 }, (_, index) => index)),
    salt: toHex(Uint8Array.from({ length: 80 }, (_, index) => 0x60 + index)),
    info: toHex(Uint8Array.from({ length: 80 }, (_, index) => 0xb0 + index)),
    output:
      'b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87',
  },
  {
    key: '0b'.repeat(22),
    salt: '',
    info: '',
    output: '8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8',
  },
]

async function refused(action: () => unknown): Promise<string> {
  try {
    await action()
    return 'accepted'
  } catch (error) {
    return error instanceof SealError ? error.code : String(error)
  }
}

describe.each<Cryptography>([nodeCryptography, webCryptography])('the back end $name', (cryptography) => {
  it.each([gcm, chacha])(
    'seals and opens the published vector of $suite, and refuses each changed byte',
    async (vector) => {
      const key = await cryptography.importAead(vector.suite, fromHex(vector.key))
      const [nonce, aad, sealed] = [fromHex(vector.nonce), fromHex(vector.aad), fromHex(vector.sealed)]
      expect(toHex(concatBytes(...(await key.seal(nonce, aad, fromHex(vector.plaintext)))))).toBe(vector.sealed)
      expect(toHex((await key.open(nonce, aad, sealed))!)).toBe(vector.plaintext)
      for (let at = 0; at < sealed.length; at++) expect(await key.open(nonce, aad, flip(sealed, at))).toBeNull()
      for (let at = 0; at < aad.length; at++) expect(await key.open(nonce, flip(aad, at), sealed)).toBeNull()
      for (let at = 0; at < nonce.length; at++) expect(await key.open(flip(nonce, at), aad, sealed)).toBeNull()
      for (let length = 0; length < sealed.length; length++) {
        expect(await key.open(nonce, aad, sealed.subarray(0, length))).toBeNull()
      }
    },
  )

  it('derives the outputs of RFC 5869, appendix A', async () => {
    for (const { key, salt, info, output } of hkdf) {
      const derived = await cryptography.hkdfSha256(fromHex(key), fromHex(salt), fromHex(info), output.length / 2)
      expect(toHex(derived)).toBe(output)
    }
  })

  it('builds A256CBC-HS512 of RFC 7518, B.3 from its parts', async () => {
    const key = fromHex(toHex(Uint8Array.from({ length: 64 }, (_, index) => index)))
    const iv = fromHex('1af38c2dc2b96ffdd86694092341bc04')
    const plaintext = ascii(
      'A cipher system must not be required to be secret, and it must be able to fall into the hands of the enemy without inconvenience',
    )
    const aad = ascii('The second principle of Auguste Kerckhoffs')
    const cbc = await cryptography.importCbc(key.slice(32))
    const ciphertext = await cbc.encrypt(iv, plaintext)
    expect(toHex(ciphertext)).toMatch(/^4affaaadb78c31c5da4b1b590d10ffbd/)
    const mac = await cryptography.hmac('SHA-512', key.slice(0, 32))
    const length = fromHex('0000000000000150')
    const tag = await mac(Uint8Array.from([...aad, ...iv, ...ciphertext, ...length]))
    expect(toHex(tag.subarray(0, 32))).toBe('4dd3b4c088a7f45c216839645b2012bf2e6269a8c56a816dbc1b267761955bc5')
    expect(toHex((await cbc.decrypt(iv, ciphertext))!)).toBe(toHex(plaintext))
  })

  it('refuses each changed byte and each shorter length of A256CBC-HS512', async () => {
    const key = await messageKey(cryptography, 'A256CBC-HS512', new Uint8Array(32).fill(7), new Uint8Array(8))
    const partialIv = new Uint8Array(10)
    const aad = ascii('additional')
    const sealed = concatBytes(...(await key.seal(partialIv, aad, ascii('twenty bytes or more'))))
    expect(sealed.length).toBe(32 + suiteTable['A256CBC-HS512'].tagLength)
    for (let at = 0; at < sealed.length; at++) expect(await key.open(partialIv, aad, flip(sealed, at))).toBeNull()
    for (let length = 0; length < sealed.length; length++) {
      expect(await key.open(partialIv, aad, sealed.subarray(0, length))).toBeNull()
    }
    expect(await key.open(partialIv, flip(aad, 0), sealed)).toBeNull()
    expect(await key.open(flip(partialIv, 9), aad, sealed)).toBeNull()
  })

  it('verifies the signatures of RFC 8032 and RFC 6979, and no changed ones', async () => {
    const cases = [
      ...ed25519.map((vector) => ({ ...vector, algorithm: 'EdDSA' as const, data: fromHex(vector.message) })),
      ...p256.map((vector) => ({ ...vector, algorithm: 'ES256' as const, key: p256Key, data: ascii(vector.message) })),
    ]
    for (const { algorithm, key, data, signature } of cases) {
      const publicKey = await cryptography.importVerificationKey(algorithm, fromHex(key))
      const bytes = fromHex(signature)
      expect(await cryptography.verify(publicKey, bytes, data)).toBe(true)
      expect(await cryptography.verify(publicKey, bytes, Uint8Array.from([...data, 0]))).toBe(false)
      for (let at = 0; at < 64; at++) expect(await cryptography.verify(publicKey, flip(bytes, at), data)).toBe(false)
      for (const wrong of [bytes.subarray(1), new Uint8Array(0), Uint8Array.from([...bytes, 0])]) {
        expect(await cryptography.verify(publicKey, wrong, data)).toBe(false)
      }
      for (const byte of [0, 0xff]) {
        expect(await cryptography.verify(publicKey, new Uint8Array(64).fill(byte), data)).toBe(false)
      }
    }
  })

  it('refuses public keys of another form, and points that are not on the curve', async () => {
    const point = fromHex(p256Key)
    const compressed = Uint8Array.from([0x03, ...point.subarray(1, 33)])
    const hybrid = Uint8Array.from([0x07, ...point.subarray(1)])
    for (const wrong of [
      compressed,
      hybrid,
      flip(point, 64),
      point.subarray(1),
      new Uint8Array(65),
      new Uint8Array(0),
    ]) {
      expect(await refused(() => cryptography.importVerificationKey('ES256', wrong))).toBe('malformed')
    }
    for (const length of [0, 31, 33, 65]) {
      const wrong = new Uint8Array(length).fill(4)
      expect(await refused(() => cryptography.importVerificationKey('EdDSA', wrong))).toBe('malformed')
    }
  })

  it.each(['ES256', 'EdDSA'] as const)(
    'makes, keeps and uses %s keys, which the other back end understands',
    async (algorithm) => {
      const other = cryptography.name === 'node' ? webCryptography : nodeCryptography
      const key = await cryptography.generateSigningKey(algorithm)
      const moved = await other.importSigningKey(algorithm, await cryptography.exportSigningKey(key))
      expect(toHex(moved.publicKey)).toBe(toHex(key.publicKey))
      const data = ascii('a reading')
      const publicKey = await other.importVerificationKey(algorithm, key.publicKey)
      const signature = await cryptography.sign(key, data)
      expect(signature.length).toBe(64)
      expect(await other.verify(publicKey, signature, data)).toBe(true)
      const pkcs8 = await cryptography.exportSigningKey(key)
      const otherAlgorithm = algorithm === 'ES256' ? 'EdDSA' : 'ES256'
      expect(await refused(() => cryptography.importSigningKey(otherAlgorithm, pkcs8))).toBe('malformed')
      expect(await refused(() => cryptography.importSigningKey(algorithm, pkcs8.subarray(1)))).toBe('malformed')
    },
  )

  it('compares secrets', () => {
    expect(cryptography.equalSecret(fromHex('0102'), fromHex('0102'))).toBe(true)
    expect(cryptography.equalSecret(fromHex('0102'), fromHex('0103'))).toBe(false)
    expect(cryptography.equalSecret(fromHex('0102'), fromHex('01'))).toBe(false)
  })
})
