import { concatBytes, type KeyringErrorCode, signDirectory, signManifest, toHex } from '@sealmq/protocol'
import { deviceDirectory, narrowedManifest, publishingCases } from './publishing.ts'
import { authority, cryptography, digest, directory, manifest, senders } from './setup.ts'

type Kind = 'manifest' | 'directory'
interface Refusal {
  name: string
  kind: Kind
  bytes: string
  code: KeyringErrorCode
  /** The highest number seen before. */
  remembered: number
}

/** Bytes as hexadecimal in JSON. */
export const readable = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? toHex(part) : part)))

/** A manifest and a directory, and ones that are refused. */
export async function signedObjects() {
  const signedManifest = await signManifest(cryptography, authority, manifest)
  const signedDirectory = await signDirectory(cryptography, authority, directory)
  const refusals: Refusal[] = []
  const add = (code: KeyringErrorCode, name: string, kind: Kind, bytes: Uint8Array, remembered = 0) =>
    refusals.push({ name, kind, bytes: toHex(bytes), code, remembered })
  const flip = (bytes: Uint8Array, at: number) => {
    const copy = bytes.slice()
    copy[at < 0 ? bytes.length + at : at]! ^= 1
    return copy
  }
  const foreign = { ...manifest, deployment: digest('another deployment', 16) }
  const { lease: _, ...withoutLease } = manifest
  const sign = (content: unknown) => signManifest(cryptography, authority, content as typeof manifest)
  add('authority-signature', 'manifest with a byte changed', 'manifest', flip(signedManifest, 200))
  add('authority-signature', 'manifest with its signature changed', 'manifest', flip(signedManifest, -1))
  add('authority-signature', 'directory passed for a manifest', 'manifest', signedDirectory)
  add('authority-signature', 'manifest passed for a directory', 'directory', signedManifest)
  add('authority-signature', 'signed by a sender', 'manifest', await signManifest(cryptography, senders[0]!.key, manifest))
  add('wrong-deployment', 'of another deployment', 'manifest', await sign(foreign))
  add('rollback', 'manifest 12 after 13', 'manifest', signedManifest, 13)
  add('rollback', 'directory 7 after 8', 'directory', signedDirectory, 8)
  add('malformed', 'manifest without a lease', 'manifest', await sign(withoutLease))
  add('malformed', 'epoch over 4 bytes', 'manifest', await sign({ ...manifest, epochs: [{ ...manifest.epochs[0], epoch: 2 ** 32 }] }))
  add('malformed', 'channel of 15 bytes', 'manifest', await sign({ ...manifest, channel: manifest.channel.subarray(1) }))
  add('malformed', 'no epochs', 'manifest', await sign({ ...manifest, epochs: [] }))
  add('malformed', 'number as text', 'manifest', await sign({ ...manifest, number: '12' }))
  add('malformed', 'untagged', 'manifest', signedManifest.subarray(1))
  add('malformed', 'tag 16', 'manifest', concatBytes(Uint8Array.of(0xd0), signedManifest.subarray(1)))
  add('malformed', 'EdDSA in the protected header', 'manifest', concatBytes(signedManifest.subarray(0, 5), Uint8Array.of(0x27), signedManifest.subarray(6)))
  add('malformed', 'something unprotected', 'manifest', concatBytes(signedManifest.subarray(0, 6), Uint8Array.of(0xa1, 0x20, 0x00), signedManifest.subarray(7)))
  add('malformed', 'trailing byte', 'manifest', concatBytes(signedManifest, Uint8Array.of(0)))
  const narrow = (publishWithin: unknown) => ({ ...manifest, publishWithin })
  const kinds = (kind: unknown) => ({ ...directory, senders: [{ ...directory.senders[0], kind }] })
  add('malformed', 'narrowed grants as a map', 'manifest', await sign(narrow({})))
  add('malformed', 'narrowed grants null', 'manifest', await sign(narrow(null)))
  add('malformed', 'narrowed grant without filters', 'manifest', await sign(narrow([{ role: 'device' }])))
  add('malformed', 'narrowed grant with a filter as bytes', 'manifest', await sign(narrow([{ role: 'device', filters: [Uint8Array.of(0x23)] }])))
  add('malformed', 'kind of a sender as a number', 'directory', await signDirectory(cryptography, authority, kinds(1) as typeof directory))
  const ended = (endedAt: unknown) => ({ ...directory, senders: [{ ...directory.senders[0], endedAt }] })
  for (const [name, endedAt] of [['null', null], ['as text', '1800000000000'], ['negative', -1]] as const)
    add('malformed', `end of a sender ${name}`, 'directory', await signDirectory(cryptography, authority, ended(endedAt) as typeof directory))
  const publishing = await publishingCases()
  const objects = [
    { name: 'manifest', kind: 'manifest', bytes: toHex(signedManifest), content: readable(manifest) },
    { name: 'directory', kind: 'directory', bytes: toHex(signedDirectory), content: readable(directory) },
    { name: 'manifest with narrowed grants', kind: 'manifest', bytes: publishing.manifest, content: readable(narrowedManifest) },
    { name: 'directory with devices', kind: 'directory', bytes: publishing.directory, content: readable(deviceDirectory) },
  ]
  return { authorityKey: toHex(authority.publicKey), deployment: toHex(manifest.deployment), objects, refusals, publishing }
}
