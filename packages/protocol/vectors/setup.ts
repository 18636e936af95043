import { createHash, createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import {
  type Directory,
  type EpochPolicy,
  deriveKeyCheck,
  type Manifest,
  type MessageKind,
  type SignatureAlgorithm,
  type SigningKey,
  type SigningPolicy,
  type SuiteName,
  toHex,
} from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'

// Everything is derived from names, so that the files come out the same each time.
export const digest = (text: string, length: number) =>
  new Uint8Array(createHash('sha256').update(`sealmq vectors: ${text}`).digest().subarray(0, length))
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
export const base = 1_800_000_000_000
export const deployment = digest('deployment', 16)
export const channel = digest('channel', 16)
export const topic = 'plant/line-1/pressure'

// ECDSA is random: a signature made once is taken from the file as long as what it signs is the same.
const keptSignatures = new Map<string, string>(Object.entries(keptIn('messages.json')))
function keptIn(file: string): Record<string, string> {
  try {
    return JSON.parse(readFileSync(new URL(file, import.meta.url), 'utf8')).signatures
  } catch {
    return {}
  }
}
export const usedSignatures = new Map<string, string>()

/** Signs, or takes the kept signature. */
export async function signOnce(key: SigningKey, data: Uint8Array): Promise<Uint8Array> {
  const name = sha256(new Uint8Array([...key.publicKey, ...data]))
  const kept = key.algorithm === 'ES256' ? (usedSignatures.get(name) ?? keptSignatures.get(name)) : undefined
  const signature = kept ? new Uint8Array(Buffer.from(kept, 'hex')) : await nodeCryptography.sign(key, data)
  if (key.algorithm === 'ES256') usedSignatures.set(name, toHex(signature))
  return signature
}
export const cryptography = { ...nodeCryptography, sign: signOnce }

async function signingKey(algorithm: SignatureAlgorithm, name: string): Promise<SigningKey> {
  const seed = Buffer.from(digest(`key ${name}`, 32))
  // PKCS #8 with nothing but the private value (RFC 5915, RFC 8410).
  const pkcs8 =
    algorithm === 'EdDSA'
      ? Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
      : Buffer.concat([
          Buffer.from('3041020100301306072a8648ce3d020106082a8648ce3d030107042730250201010420', 'hex'),
          seed,
        ])
  const exported = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' }).export({ format: 'der', type: 'pkcs8' })
  return nodeCryptography.importSigningKey(algorithm, new Uint8Array(exported))
}

export const authority = await signingKey('ES256', 'authority')
const newSender = async (
  sender: number,
  algorithm: SignatureAlgorithm,
  roles: string[],
  revokedAt: number | null,
  endedAt?: number,
) => ({
  sender,
  roles,
  revokedAt,
  ...(endedAt === undefined ? {} : { endedAt }),
  key: await signingKey(algorithm, `sender ${sender}`),
})
export const senders = [
  await newSender(1, 'ES256', ['writer'], null),
  await newSender(2, 'EdDSA', ['writer'], null),
  await newSender(3, 'ES256', [], base),
  await newSender(4, 'ES256', ['reader'], null),
  await newSender(5, 'ES256', ['writer'], null, base),
]
export const receiver = 4

type Row = [epoch: number, suite: SuiteName, kind: MessageKind, signing: SigningPolicy, sealUntil: number | null]
const week = 7 * 86_400_000
const rows: Row[] = [
  [1_800_000_000, 'A256GCM', 'telemetry', 'each', null],
  [11, 'A256GCM', 'telemetry', 'batch', base + 300_000],
  [10, 'A256GCM', 'telemetry', 'each', base - week - 1],
  [9, 'A256GCM', 'telemetry', 'each', base],
  [8, 'A256GCM', 'command', 'each', base + 300_000],
  [7, 'A256GCM', 'state', 'each', base + 300_000],
  [6, 'A256CBC-HS512', 'telemetry', 'off', base + 300_000],
  [5, 'A256CBC-HS512', 'telemetry', 'each', base + 300_000],
  [4, 'ChaCha20/Poly1305', 'telemetry', 'off', base + 300_000],
  [3, 'ChaCha20/Poly1305', 'telemetry', 'each', base + 300_000],
  [2, 'A256GCM', 'telemetry', 'off', base + 300_000],
]
export const epochKey = (epoch: number) => digest(`epoch key ${epoch}`, 32)
export const epochs: EpochPolicy[] = []
for (const [epoch, suite, kind, signing, sealUntil] of rows) {
  const input = { epochKey: epochKey(epoch), deployment, channel, epoch, suite }
  const openUntil = sealUntil === null ? null : sealUntil + week
  epochs.push({ epoch, suite, kind, signing, keyCheck: await deriveKeyCheck(cryptography, input), sealUntil, openUntil })
}
export const current = rows[0]![0]

export const manifest: Manifest = {
  number: 12,
  deployment,
  channel,
  name: 'plant',
  filters: ['plant/#'],
  maximumAge: 3600,
  late: 'mark',
  lease: 86_400,
  issuedAt: base,
  publishRoles: ['writer'],
  subscribeRoles: ['reader'],
  epochs,
}
export const directory: Directory = {
  number: 7,
  deployment,
  issuedAt: base,
  senders: senders.map(({ sender, roles, revokedAt, key, ...ended }) => ({
    sender,
    member: `00000000-0000-4000-8000-00000000000${sender}`,
    memberName: `Member ${sender}`,
    senderName: `pump house ${sender}`,
    roles,
    algorithm: key.algorithm,
    publicKey: key.publicKey,
    revokedAt,
    ...ended,
  })),
}
