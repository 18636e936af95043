import { nodeCryptography } from '@sealmq/protocol/node'
import { SealedClient, type SealedClientOptions } from '../sealed-client.ts'
import { memoryStorage } from '../storage.ts'
import { fetchWithCa } from './fetch-with-ca.ts'

export * from '../index.ts'
export { fetchWithCa } from './fetch-with-ca.ts'
export { withFileLock } from './file-lock.ts'
export { fileStorage } from './file-storage.ts'

/** Options of a client in Node; storage defaults to memory. */
export type ConnectOptions = Omit<SealedClientOptions, 'cryptography' | 'storage'> &
  Partial<Pick<SealedClientOptions, 'storage'>>

/**
 * Reads the keyring, connects to the broker, and from then on keeps both by itself.
 * @throws ClientError `authority-unreachable`, `broker-unreachable`, `broker-refused`, `revoked`; KeyringError
 */
export function connectAsync(options: ConnectOptions): Promise<SealedClient> {
  const { identity } = options
  return SealedClient.connect({
    storage: memoryStorage(),
    fetch: identity.ca ? fetchWithCa(identity.ca) : undefined,
    ...options,
    cryptography: nodeCryptography,
  })
}
