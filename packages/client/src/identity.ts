import { type Cryptography, type SignatureAlgorithm, toBase64url } from '@sealmq/protocol'
import type { AuthorityClient } from './authority/authority-client.ts'

/** One sender: everything that this installation needs, to be kept where nobody else reads it (file mode 0600). JSON. */
export interface Identity {
  /** URL of the authority. */
  authority: string
  /** base64url, pinned at login. */
  deployment: string
  authorityKey: string
  sender: number
  /** Bearer token of this sender. */
  token: string
  broker: { username: string; password: string }
  algorithm: SignatureAlgorithm
  /** PKCS #8, base64url. */
  signingKey: string
  /** PEM of the CA that the authority's and broker's certificates must come from; null for the system's. */
  ca: string | null
}

/**
 * Makes a signing key here and enters this installation into the directory.
 * @param authority signed in with a member's session
 * @param name what the installation is called, for people
 */
export async function enrolSender(
  authority: AuthorityClient,
  cryptography: Cryptography,
  name: string,
  algorithm: SignatureAlgorithm = 'ES256',
  ca: string | null = null,
): Promise<Identity> {
  const { deployment, authorityKey } = await authority.deployment()
  const key = await cryptography.generateSigningKey(algorithm)
  const created = await authority.addSender({ name, algorithm, publicKey: toBase64url(key.publicKey) })
  return {
    authority: authority.url,
    deployment,
    authorityKey,
    ...created,
    algorithm,
    signingKey: toBase64url(await cryptography.exportSigningKey(key)),
    ca,
  }
}
