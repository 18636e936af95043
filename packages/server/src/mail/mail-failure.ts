import type { NodemailerError } from 'nodemailer'
import { maskMailbox } from './mailbox.ts'

export interface MailFailure {
  /** The server will never take this mail; another try is of no use. */
  permanent: boolean
  /** One sentence without secrets, for the log and for administrators. */
  reason: string
}

/** What went wrong when `deliver` threw. */
export function readMailFailure(error: unknown): MailFailure {
  const failure: Partial<NodemailerError> = error instanceof Error ? error : {}
  return { permanent: isPermanent(failure), reason: reasonOf(failure) }
}

// Only what is said of the recipient or of the mail is final. A login or a sender that is refused is a setting that can
// be corrected while the mail waits; so is 530, authentication required (RFC 4954, section 6).
function isPermanent({ code, command, permanent, responseCode }: Partial<NodemailerError>): boolean {
  if (code === 'EENVELOPE' && responseCode === undefined) return true
  return permanent === true && responseCode !== 530 && (command === 'RCPT TO' || command === 'DATA')
}

function reasonOf({ code, originalCode, command, response, message = '' }: Partial<NodemailerError>): string {
  const cause = inBrackets(originalCode ?? code)
  if (code === 'EAUTH') return `The mail server refused --smtp-user with its password${inBrackets(statusOf(response))}.`
  if (code === 'ETLS' && response) return 'The mail server does not offer STARTTLS. Give --smtp its smtps:// address.'
  if (response) return `The mail server answered: ${command === 'DATA' ? statusOf(response) : masked(response)}.`
  if (code === 'EDNS') return 'The host of --smtp has no address.'
  if (code === 'ETIMEDOUT' || code === 'EABORT') return 'The mail server of --smtp did not answer in time.'
  if (/certificate|altnames/i.test(message)) return `The certificate of the mail server cannot be trusted${cause}.`
  if (code === 'ETLS') return `TLS with the mail server failed${cause}.`
  if (code === 'ECONNECTION' || code === 'ESOCKET') return `The mail server of --smtp cannot be reached${cause}.`
  if (code === 'EENVELOPE') return 'The mail server takes no mail for such an address.'
  return `The mail could not be handed over${cause}.`
}

// Before DATA the server knows the address at most; after it, it knows the text and may quote it.
function masked(response: string): string {
  const line = response.replaceAll(/[\p{C}\s]+/gu, ' ').trim()
  return line
    .replaceAll(/[^\s<>"(),:;]+@[^\s<>"(),:;]+/g, maskMailbox)
    .slice(0, 300)
    .replace(/\.$/, '')
}

/** `550 5.1.1` of a reply. */
const statusOf = (response = '') => /^\d{3}(?:[ -]\d\.\d{1,3}\.\d{1,3})?/.exec(response)?.[0].replace('-', ' ') ?? ''

const inBrackets = (text: string | undefined) => (text ? ` (${text})` : '')
