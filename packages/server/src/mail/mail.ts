/** A mail as the authority writes it: plain text to one address. */
export interface Mail {
  to: string
  subject: string
  text: string
  /** ms: not sent after this */
  expiresAt: number
}

/** How the authority reaches the mail server. */
export interface MailSetting {
  host: string
  port: number
  /** TLS from the first byte */
  secure: boolean
  /** null: none */
  user: string | null
  password: string | null
  from: string
  allowPlain: boolean
}
