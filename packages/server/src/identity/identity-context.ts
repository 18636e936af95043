import type { ChangeContext } from '../administration/change.ts'
import type { RecordingContext } from '../audit/recording.ts'
import type { MasterKey } from '../keys/master-key.ts'
import type { Mail } from '../mail/mail.ts'
import type { Database } from '../store/schema.ts'
import type { CodeHasher } from './code-hash.ts'
import type { IdentitySettings } from './settings.ts'

/** All that the sign-in flows stand on. */
export interface IdentityContext extends RecordingContext {
  changes: ChangeContext
  masterKey: MasterKey
  codes: CodeHasher
  settings: IdentitySettings
  /** What mails say of the authority. */
  about: { deployment: string }
  /** The URL under which people reach it. */
  serverUrl: () => string
  mail: MailSink
  /** Monotonic, ms. */
  monotonic: () => number
  wait: (ms: number) => Promise<void>
}

/** Where mail goes. It is stored with what it tells of, in one transaction where there is one, and sent after. */
export interface MailSink {
  enqueue(store: Database, mail: Mail): Promise<void>
  /** Sends what waits. */
  wake(): void
}
