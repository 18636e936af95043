import type { AuditOrigin } from '@sealmq/audit-log'
import type { SettingInfo } from '@sealmq/protocol/api'
import type { ChangeFeed } from '../administration/change-feed.ts'
import type { AuditCounts } from '../audit/audit-counts.ts'
import type { AuditLog } from '../audit/audit-log.ts'
import type { DiskWatch } from '../audit/disk-space.ts'
import type { MessageAudit } from '../audit/messages/message-audit.ts'
import type { RefusalLog } from '../audit/refusal-log.ts'
import type { Broker } from '../broker/interface.ts'
import type { IdentityContext } from '../identity/identity-context.ts'
import type { IdentitySettings } from '../identity/settings.ts'
import type { DeploymentIdentity } from '../keys/authority-key.ts'
import type { KeyringBuilder } from '../keys/keyring.ts'
import type { MailQueue } from '../mail/mail-queue.ts'
import type { Database } from '../store/schema.ts'

/** All that the routes stand on. */
export interface Authority {
  store: Database
  now: () => number
  identity: DeploymentIdentity
  settings: IdentitySettings
  /** What people's actions stand on: in whose name they are recorded is said for each request. */
  people: (by: AuditOrigin) => IdentityContext
  audit: AuditLog
  refusals: RefusalLog
  auditCounts: AuditCounts
  disk: DiskWatch
  mail: MailQueue
  keyrings: KeyringBuilder
  feed: ChangeFeed
  broker: Broker
  messages: Pick<MessageAudit, 'waiting' | 'skipped' | 'observed' | 'refusals'>
  /** What it was started as, and when, ms. */
  started: { at: number; version: string; engine: 'sqlite' | 'postgres'; settings: readonly SettingInfo[] }
  brokerUrl: () => string
  /** The host of that URL counts; else the broker is under every name under which clients reach the authority. */
  brokerElsewhere: boolean
  /** PEM of the CA that its certificate comes from, if it is its own. */
  ca: string | null
  /** Whether clients reach it over TLS: cookies are then for TLS only. */
  secure: boolean
  /** The origins of its own pages. */
  ownOrigins: () => readonly string[]
}
