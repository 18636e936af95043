import { type Directory, type Manifest, signDirectory, signManifest, toHex } from '@sealmq/protocol'
import { authority, cryptography, directory, manifest } from './setup.ts'

/** A channel on which devices publish under their own names, and its senders: who, what kind, with which roles. */
export const narrowedManifest: Manifest = {
  ...manifest,
  publishWithin: [
    { role: 'device', filters: ['plant/{member}/#', 'plant/by-name/{member}', 'other/{member}'] },
    { role: 'part', filters: ['plant/part/+', 'plant/a/#/b', 'plant/x{member}'] },
  ],
}
const rows: [memberName: string, kind: 'device' | null, ...roles: string[]][] = [
  ['pump-1', 'device', 'device'],
  ['pump-2', 'device', 'device'],
  ['pump-1', null, 'device'],
  ['pump-1', null, 'part'],
  ['+', 'device', 'device', 'part'],
  ['#', 'device', 'device'],
  ['pump-1/x', 'device', 'device'],
  ['pump-1\u0000', 'device', 'device'],
  ['', 'device', 'device'],
  ['$SYS', 'device', 'device'],
  ['{member}', 'device', 'device'],
  ['pump-3', 'device', 'device', 'writer'],
  ['pump-4', 'device', 'reader'],
  ['pump-5', 'device'],
]
const unlike = directory.senders[0]!
export const deviceDirectory: Directory = {
  ...directory,
  senders: rows.map(([memberName, kind, ...roles], index) => ({
    ...unlike,
    sender: index + 1,
    memberName,
    ...(kind ? { kind } : {}),
    roles,
  })),
}

/** By sender, from 1: the topics of those below that it may publish on. */
const allowed: string[][] = [
  ['plant/pump-1', 'plant/pump-1/pressure', 'plant/by-name/pump-1'],
  ['plant/pump-2/pressure'],
  [],
  ['plant/part/x'],
  ['plant/part/x'],
  [],
  [],
  [],
  [],
  [],
  ['plant/{member}/pressure'],
  [
    ...['plant/pump-1', 'plant/pump-1/pressure', 'plant/by-name/pump-1', 'plant/pump-2/pressure', 'plant/part/x', 'plant/part/x/y'],
    ...['plant', 'plant/', 'plant//pressure', 'plant/$SYS/x', 'plant/{member}/pressure', 'plant/xpump-1', 'plant/a/z/b'],
  ],
  [],
  [],
]
const topics = [...new Set(allowed.flat()), 'other/pump-1', 'plant/+/pressure', 'plant/#']

/** Who may publish where, by the two signed objects alone (docs/protocol.md, 10). */
export async function publishingCases() {
  const cases = rows.flatMap((_, index) =>
    topics.map((topic) => ({ name: `${index + 1} on ${topic}`, sender: index + 1, topic, permitted: allowed[index]!.includes(topic) })),
  )
  return {
    manifest: toHex(await signManifest(cryptography, authority, narrowedManifest)),
    directory: toHex(await signDirectory(cryptography, authority, deviceDirectory)),
    cases,
  }
}
