import { webCryptography } from '@sealmq/protocol/webcrypto'
import { SealedClient, type SealedClientOptions } from '../sealed-client.ts'
import { memoryStorage } from '../storage.ts'

export * from '../index.ts'
export { webCryptography }

/** Options of a client in a browser; storage defaults to memory, so that nothing secret outlives the tab. */
export type ConnectOptions = Omit<SealedClientOptions, 'cryptography' | 'storage'> &
  Partial<Pick<SealedClientOptions, 'storage'>>

/**
 * Reads the keyring, connects to the broker over WebSocket, and from then on keeps both by itself.
 * @throws ClientError `authority-unreachable`, `broker-unreachable`, `broker-refused`, `revoked`; KeyringError
 */
export function connectAsync(options: ConnectOptions): Promise<SealedClient> {
  return SealedClient.connect({ storage: memoryStorage(), ...options, cryptography: webCryptography })
}
