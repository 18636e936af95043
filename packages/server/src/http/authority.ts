import type { ChangeContext } from '../administration/change.ts'
import type { ChangeFeed } from '../administration/change-feed.ts'
import type { Broker } from '../broker/interface.ts'
import type { IdentityContext } from '../identity/identity-context.ts'
import type { DeploymentIdentity } from '../keys/authority-key.ts'
import type { KeyringBuilder } from '../keys/keyring.ts'
import type { MailQueue } from '../mail/mail-queue.ts'
import type { Database } from '../store/schema.ts'

/** All that the routes stand on. */
export interface Authority {
  store: Database
  now: () => number
  identity: DeploymentIdentity
  changes: ChangeContext
  people: IdentityContext
  mail: MailQueue
  keyrings: KeyringBuilder
  feed: ChangeFeed
  broker: Broker
  /** Every host name under which clients reach the broker is theirs: the URL keeps only scheme and port. */
  brokerUrl: () => string
  /** Whether clients reach it over TLS: cookies are then for TLS only. */
  secure: boolean
  /** The origins of its own pages. */
  ownOrigins: () => readonly string[]
}
