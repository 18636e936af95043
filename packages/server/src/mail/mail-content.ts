import type { MasterKey } from '../keys/master-key.ts'
import type { Schema } from '../store/schema.ts'

/** What of a mail lies in the store unreadably: it may hold a code. */
export interface MailContent {
  subject: string
  text: string
  messageId: string
}

/** What the content is bound to, so that it cannot be sent to somebody else or after its time. */
export type MailAddressing = Pick<Schema['mails'], 'recipient' | 'created_at' | 'expires_at'>

export const wrapContent = (masterKey: MasterKey, row: MailAddressing, content: MailContent): Uint8Array =>
  masterKey.wrap(placeOf(row), Buffer.from(JSON.stringify(content)))

/** @throws Error when the row was altered */
export const unwrapContent = (masterKey: MasterKey, row: MailAddressing, wrapped: Uint8Array): MailContent =>
  JSON.parse(Buffer.from(masterKey.unwrap(placeOf(row), wrapped)).toString())

const placeOf = (row: MailAddressing) => `mail ${row.created_at} ${row.expires_at} ${row.recipient}`
