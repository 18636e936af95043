import { fromBase64url, HeldKeyring, MessageSealer, type SealedMessage, toBase64url } from '@sealmq/protocol'
import { type DeploymentInfo, routes, type SenderCreated } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import type { TestAuthority } from './test-authority.ts'

/** A sender that seals as a client does, with a key of its own. */
export interface SealingSender extends SenderCreated {
  seal(topic: string, payload: string): Promise<SealedMessage>
  /** Reads the keyring anew. */
  renew(): Promise<void>
  /** Epoch keys that it holds, base64url. */
  epochKeys(): Promise<string[]>
}

/** Enters a sender of the member with this session token. */
export async function sealingSender(
  authority: TestAuthority,
  token: string,
  algorithm: 'ES256' | 'EdDSA' = 'ES256',
): Promise<SealingSender> {
  const signingKey = await nodeCryptography.generateSigningKey(algorithm)
  const request = { name: 'pump', algorithm, publicKey: toBase64url(signingKey.publicKey) }
  const { body: created } = await authority.ask<SenderCreated>('POST', routes.senders, request, token)
  const { body: info } = await authority.ask<DeploymentInfo>('GET', routes.deployment)
  const keyring = new HeldKeyring({
    cryptography: nodeCryptography,
    deployment: fromBase64url(info.deployment),
    authorityKey: fromBase64url(info.authorityKey),
    sender: created.sender,
    monotonic: () => performance.now(),
  })
  const renew = async () => {
    const askedAt = performance.now()
    const answer = await authority.keyring(created.token)
    await keyring.apply(answer, { askedAt, answeredAt: performance.now() })
  }
  await renew()
  const sealer = new MessageSealer({ keyring, cryptography: nodeCryptography, signingKey })
  return {
    ...created,
    renew,
    seal: async (topic, payload) => sealer.seal(topic, Buffer.from(payload)),
    epochKeys: async () => {
      const { channels } = await authority.keyring(created.token)
      return channels
        .flatMap(({ keys }) => keys.flatMap(({ epochKey, senderKey }) => [epochKey, senderKey]))
        .filter((key) => key !== undefined)
    },
  }
}
