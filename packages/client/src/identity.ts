import {
  type Cryptography,
  fromBase64url,
  type SignatureAlgorithm,
  type SigningKey,
  toBase64url,
} from '@sealmq/protocol'
import type { DeploymentInfo, SenderCreated } from '@sealmq/protocol/api'
import type { AuthorityClient } from './authority/authority-client.ts'
import { ClientError } from './client-error.ts'

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
  /** Made to replace it, and perhaps told the authority; it is not used before it stands in `token`. */
  nextToken?: string
  broker: { username: string; password: string }
  algorithm: SignatureAlgorithm
  /** PKCS #8, base64url. */
  signingKey: string
  /** PEM of the CA that the authority's and broker's certificates must come from; null for the system's. */
  ca: string | null
}

/** One sender whose signing key only this process holds, as an object: in a browser, no script can read it. */
export type HeldIdentity = Omit<Identity, 'signingKey' | 'nextToken'> & { signingKey: SigningKey }

/** Where a sender's token is kept, so that it can be renewed: every process of the sender has the same. */
export interface TokenKeeper {
  /** The token to use now, as it is kept. */
  current(): Promise<string>
  /**
   * Replaces it: keeps the next one, tells it, and only then puts it in the place of the one before.
   * @param tell rejects when the authority did not take it; the same one is told again then
   */
  renew(tell: (next: string) => Promise<void>): Promise<void>
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
  const shown = await authority.deployment()
  return makeSender(shown, { authority, cryptography, algorithm, ca }, (publicKey) =>
    authority.addSender({ name, algorithm, publicKey }),
  )
}

/**
 * Enters a sender that lives as long as the session that asks, for one tab: its key is held in memory alone and, on WebCrypto,
 * not extractable.
 * @param authority with a session's token, or without a token on the authority's own page, where the cookie speaks
 * @param name what the tab is called, for people
 * @throws AuthorityError `not-signed-in`, `too-many-tries`
 */
export async function enrolSessionSender(
  authority: AuthorityClient,
  cryptography: Cryptography,
  name: string,
): Promise<HeldIdentity> {
  const algorithm = 'ES256'
  const { deployment, authorityKey } = await authority.deployment()
  const signingKey = await cryptography.generateSigningKey(algorithm, false)
  const created = await authority.addSessionSender({ name, algorithm, publicKey: toBase64url(signingKey.publicKey) })
  return { authority: authority.url, deployment, authorityKey, ...created, algorithm, signingKey, ca: null }
}

/** How a device enrols. */
export interface DeviceEnrolment {
  /** Of the device. */
  name: string
  /** Of its ticket: good once. */
  code: string
  /** Of the program, for people. */
  version?: string
  /** Whether this public key (SEC1 point) is that of the authority that the ticket means; asked before the code leaves. */
  isAuthority: (key: Uint8Array) => boolean
}

/**
 * Makes a signing key here and enters this installation as a device, by its ticket.
 * @throws ClientError `authority-mismatch`, AuthorityError `wrong-code`
 */
export async function enrolDevice(
  authority: AuthorityClient,
  cryptography: Cryptography,
  { name, code, version, isAuthority }: DeviceEnrolment,
  ca: string | null = null,
): Promise<Identity> {
  const algorithm = 'ES256'
  const shown = await authority.deployment()
  if (!isAuthority(fromBase64url(shown.authorityKey))) throw new ClientError('authority-mismatch', `${authority.url}:`)
  return makeSender(shown, { authority, cryptography, algorithm, ca }, (publicKey) =>
    authority.enrol({ name, code, algorithm, publicKey, ...(version === undefined ? {} : { version }) }),
  )
}

async function makeSender(
  { deployment, authorityKey }: DeploymentInfo,
  {
    authority,
    cryptography,
    algorithm,
    ca,
  }: { authority: AuthorityClient; cryptography: Cryptography; algorithm: SignatureAlgorithm; ca: string | null },
  enter: (publicKey: string) => Promise<SenderCreated>,
): Promise<Identity> {
  const key = await cryptography.generateSigningKey(algorithm)
  const created = await enter(toBase64url(key.publicKey))
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
