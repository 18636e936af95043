// Writes the vectors: `node packages/protocol/vectors/generate.ts` after a build; the files stay as they are unless the
// protocol changed.
import { writeFileSync } from 'node:fs'
import { signDirectory, signManifest, toHex } from '@sealmq/protocol'
import { acceptedMessages } from './messages.ts'
import { refusedMessages } from './refusals.ts'
import { authority, cryptography, directory, epochKey, epochs, manifest, receiver, usedSignatures } from './setup.ts'
import { signedObjects } from './signed-objects.ts'

const setup = {
  authorityKey: toHex(authority.publicKey),
  deployment: toHex(manifest.deployment),
  receiver,
  manifest: toHex(await signManifest(cryptography, authority, manifest)),
  directory: toHex(await signDirectory(cryptography, authority, directory)),
  epochKeys: Object.fromEntries(epochs.map(({ epoch }) => [epoch, toHex(epochKey(epoch))])),
}
const messages = await acceptedMessages()
const refusals = await refusedMessages()
const objects = await signedObjects()
const signatures = Object.fromEntries([...usedSignatures].sort(([a], [b]) => (a < b ? -1 : 1)))

const write = (file: string, content: unknown) =>
  writeFileSync(new URL(file, import.meta.url), `${JSON.stringify(content, null, 1)}\n`)
write('messages.json', { format: 'sealmq/1', setup, messages, refusals, signatures })
write('signed-objects.json', { format: 'sealmq/1', ...objects })
