import { ClientError, type SealedClient } from '@sealmq/client'
import { type ConnectOptions, connectAsync, fileStorage } from '@sealmq/client/node'
import { readIdentity, rememberedPath } from './credentials-file.ts'
import { authorityOptions } from './open-authority.ts'
import { tokenKeeper } from './token-keeper.ts'

/** What pub and sub have in common. */
export interface ConnectFlags {
  broker?: string
  mqtt5?: boolean
  id?: string
}

/** Connects as this installation's sender. */
export async function connectSender(flags: ConnectFlags, more: Partial<ConnectOptions> = {}): Promise<SealedClient> {
  const identity = await readIdentity()
  return connectAsync({
    identity,
    fetch: authorityOptions(identity.authority, identity.ca).fetch,
    storage: fileStorage(rememberedPath(identity.sender)),
    ...(await tokenKeeper(identity)),
    brokerUrl: flags.broker,
    clientIdSuffix: flags.id ?? `${process.pid}`,
    ...(flags.mqtt5 ? { protocolVersion: 5 } : {}),
    ...more,
  })
}

/** Whether an error means that going on makes no sense. */
export const isFinal = (error: Error): boolean => error instanceof ClientError && error.code === 'revoked'
