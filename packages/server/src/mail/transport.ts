import { createTransport, type SendMailOptions } from 'nodemailer'
import { isLoopback } from '../loopback.ts'
import type { MailSetting } from './mail.ts'
import { splitFrom } from './mail-setting.ts'

/** A mail on its way out. */
export interface OutgoingMail {
  to: string
  subject: string
  text: string
  from: string
  /** With the angle brackets; the same at every try, so that readers show a mail that came twice once. */
  messageId: string
}

export interface MailTransport {
  readonly kind: 'smtp' | 'outbox'
  /**
   * Resolves when the mail is handed over; `file` is where it lies, unless it went away.
   * @throws NodemailerError, or a file system error; see `readMailFailure`
   */
  deliver(mail: OutgoingMail): Promise<{ file: string | null }>
  /** Ends its connections, also one in use. */
  close(): void
}

/** ms */
export interface SmtpTimes {
  connection: number
  /** Silence of the server. */
  socket: number
  /** One delivery as a whole; a server may trickle. Shorter than `claimTime` of the queue. */
  delivery: number
}

const defaultTimes: SmtpTimes = { connection: 10_000, socket: 20_000, delivery: 45_000 }

/** Hands mail to a mail server, over one connection that is kept for a while. */
export function smtpTransport(setting: MailSetting, times: SmtpTimes = defaultTimes): MailTransport {
  const { host, port, secure, user, password, allowPlain } = setting
  const loopback = isLoopback(host)
  const transporter = createTransport({
    pool: true,
    maxConnections: 1,
    // A connection that the server closed while idle is replaced once; the queue does the other tries.
    maxRequeues: 1,
    idleTimeout: 30_000,
    host,
    port,
    secure,
    requireTLS: !secure && !loopback && !allowPlain,
    // A mail server on this machine rarely has a certificate for the name localhost.
    tls: { minVersion: 'TLSv1.2', rejectUnauthorized: !loopback },
    connectionTimeout: times.connection,
    greetingTimeout: times.connection,
    dnsTimeout: times.connection,
    socketTimeout: times.socket,
    // Without forceAuth the login is left out silently when the server does not offer it.
    ...(user === null ? {} : { auth: { user, pass: password ?? '' }, forceAuth: true }),
  })
  return {
    kind: 'smtp',
    deliver: async (mail) => {
      await transporter.sendMail({ ...messageOf(mail), signal: AbortSignal.timeout(times.delivery) })
      return { file: null }
    },
    close: () => transporter.close({ force: true }),
  }
}

/** The message as nodemailer takes it; nothing in it is read as a path, a URL or a list. */
export const messageOf = ({ to, subject, text, from, messageId }: OutgoingMail): SendMailOptions => ({
  to: { name: '', address: to },
  from: splitFrom(from),
  subject,
  text,
  messageId,
  // No absence notice answers a code (RFC 3834, section 5).
  headers: { 'Auto-Submitted': 'auto-generated' },
  disableFileAccess: true,
  disableUrlAccess: true,
})
