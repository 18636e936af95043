import { createCipheriv, createSecretKey, randomBytes } from 'node:crypto'
import { AuthorityClient, type Identity } from '@sealmq/client'
import {
  fromBase64url,
  HeldKeyring,
  inspectEnvelope,
  MessageOpener,
  MessageSealer,
  ReplayState,
} from '@sealmq/protocol'
import { nodeCryptography as cryptography } from '@sealmq/protocol/node'
import { topics, type Variant } from './variants.ts'

// In a process of its own: what sealing, opening and reading a header cost, Node back end.

const batches = 9

/** µs for one operation: the median of the batches. */
export interface MicroResult {
  variant: Variant
  /** Bytes of payload. */
  size: number
  /** Bytes that sealing adds. */
  overhead: number
  /** AES-256-GCM alone, of the same length, with as much additional data: what this machine gives at this moment. */
  aes: number
  seal: number
  open: number
  decode: number
}

const aesKey = createSecretKey(randomBytes(32))
const additionalData = randomBytes(160)
const nonce = randomBytes(12)

function sealWithAesAlone(payload: Uint8Array): void {
  nonce.writeUInt32BE((nonce.readUInt32BE(8) + 1) >>> 0, 8)
  const cipher = createCipheriv('aes-256-gcm', aesKey, nonce, { authTagLength: 16 })
  cipher.setAAD(additionalData)
  cipher.update(payload)
  cipher.final()
  cipher.getAuthTag()
}

async function keyringOf(identity: Identity): Promise<HeldKeyring> {
  const keyring = new HeldKeyring({
    cryptography,
    deployment: fromBase64url(identity.deployment),
    authorityKey: fromBase64url(identity.authorityKey),
    sender: identity.sender,
    monotonic: () => performance.now(),
  })
  const askedAt = performance.now()
  const answer = await new AuthorityClient({ url: identity.authority, token: identity.token }).keyring()
  await keyring.apply(answer, { askedAt, answeredAt: performance.now() })
  return keyring
}

async function measure(
  publisher: Identity,
  subscriber: Identity,
  variant: Variant,
  size: number,
  batchSize: number,
): Promise<MicroResult> {
  const signingKey = await cryptography.importSigningKey(publisher.algorithm, fromBase64url(publisher.signingKey))
  const sealer = new MessageSealer({ keyring: await keyringOf(publisher), cryptography, signingKey })
  const opener = new MessageOpener({ keyring: await keyringOf(subscriber), cryptography, replay: new ReplayState() })
  const payload = new Uint8Array(randomBytes(size))
  const topic = topics[variant]
  const times = { aes: [] as number[], seal: [] as number[], open: [] as number[], decode: [] as number[] }
  let overhead = 0
  for (let batch = 0; batch <= batches; batch++) {
    const envelopes: Uint8Array[] = []
    const begun = performance.now()
    for (let index = 0; index < batchSize; index++) sealWithAesAlone(payload)
    const start = performance.now()
    for (let index = 0; index < batchSize; index++) {
      envelopes.push((sealer.seal(topic, payload) as { envelope: Uint8Array }).envelope)
    }
    const sealed = performance.now()
    // Each is opened once: the second time it would be a replay.
    for (const envelope of envelopes) opener.open(topic, envelope, { retained: false, duplicate: false })
    const opened = performance.now()
    for (const envelope of envelopes) inspectEnvelope(envelope)
    const decoded = performance.now()
    overhead = Math.max(overhead, ...envelopes.map(({ length }) => length - size))
    // The first batch warms up.
    if (batch === 0) continue
    times.aes.push(((start - begun) * 1000) / batchSize)
    times.seal.push(((sealed - start) * 1000) / batchSize)
    times.open.push(((opened - sealed) * 1000) / batchSize)
    times.decode.push(((decoded - opened) * 1000) / batchSize)
  }
  const median = (values: number[]) => values.sort((a, b) => a - b)[Math.floor(values.length / 2)]!
  return {
    variant,
    size,
    overhead,
    aes: median(times.aes),
    seal: median(times.seal),
    open: median(times.open),
    decode: median(times.decode),
  }
}

/** What the parent gives. */
export interface MicroOrder {
  publisher: Identity
  subscriber: Identity
  sizes: number[]
  batchSize: number
}

process.on('message', async ({ publisher, subscriber, sizes, batchSize }: MicroOrder) => {
  const results: MicroResult[] = []
  for (const variant of ['sealed', 'sealed+signed'] as const) {
    for (const size of sizes) results.push(await measure(publisher, subscriber, variant, size, batchSize))
  }
  process.send!(results, () => process.exit())
})
