import { toBase64url } from './bytes.ts'

/** All that a device needs to enrol, and to know the authority before it says anything. */
export interface Ticket {
  /** URL of the authority. */
  server: string
  device: string
  /** Good once, for ten minutes. */
  code: string
  /** SHA-256 of the authority's public key (SEC1 point), base64url. */
  authorityKey: string
  /** SHA-256 of the certificate (DER) of the CA that its certificate must come from; null for the system's. */
  ca: string | null
}

/** What every ticket begins with. */
export const ticketPrefix = 'SEALMQ-'

/** A ticket as one word. */
export function writeTicket({ server, device, code, authorityKey, ca }: Ticket): string {
  const fields = { v: 1, u: server, n: device, c: code.replaceAll('-', ''), k: authorityKey, ...(ca ? { a: ca } : {}) }
  return ticketPrefix + toBase64url(new TextEncoder().encode(JSON.stringify(fields)))
}
