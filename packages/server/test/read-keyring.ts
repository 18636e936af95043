import { type Directory, fromBase64url, type Manifest, verifyDirectory, verifyManifest } from '@sealmq/protocol'
import { type DeploymentInfo, routes } from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import type { TestAuthority } from './test-authority.ts'

/** A sender's keyring, its signatures checked: manifests by channel name, and the directory. */
export async function readKeyring(authority: TestAuthority, token: string) {
  const { body } = await authority.ask<DeploymentInfo>('GET', routes.deployment)
  const key = await nodeCryptography.importVerificationKey('ES256', fromBase64url(body.authorityKey))
  const keyring = await authority.keyring(token)
  const directory: Directory = await verifyDirectory(nodeCryptography, key, fromBase64url(keyring.directory))
  const channels = new Map<
    string,
    Manifest & { publish: boolean; subscribe: boolean; keys: (typeof keyring.channels)[0]['keys'] }
  >()
  for (const { manifest, publish, subscribe, keys } of keyring.channels) {
    const verified = await verifyManifest(nodeCryptography, key, fromBase64url(manifest))
    channels.set(verified.name, { ...verified, publish, subscribe, keys })
  }
  return { keyring, directory, channels }
}
