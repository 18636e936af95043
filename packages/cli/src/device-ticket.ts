import { createHash, X509Certificate } from 'node:crypto'
import { CommandError, exitCodes } from './exit-codes.ts'

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

const prefix = 'SEALMQ-'
const fingerprintPattern = /^[\w-]{43}$/

/** A ticket as one word. */
export function writeTicket({ server, device, code, authorityKey, ca }: Ticket): string {
  const fields = { v: 1, u: server, n: device, c: code.replaceAll('-', ''), k: authorityKey, ...(ca ? { a: ca } : {}) }
  return prefix + Buffer.from(JSON.stringify(fields)).toString('base64url')
}

/** @throws CommandError `bad-ticket` */
export function readTicket(text: string): Ticket {
  const word = text.replaceAll(/\s/g, '')
  const fields = word.startsWith(prefix) ? parse(Buffer.from(word.slice(prefix.length), 'base64url').toString()) : null
  const { v, u: server, n: device, c: code, k: authorityKey, a: ca = null } = fields ?? {}
  const isWhole =
    v === 1 &&
    [server, device, code].every((part) => typeof part === 'string' && part !== '') &&
    [authorityKey, ca ?? authorityKey].every((part) => typeof part === 'string' && fingerprintPattern.test(part))
  if (isWhole) return { server, device, code, authorityKey, ca } as Ticket
  throw new CommandError(
    'bad-ticket',
    'This is no ticket, or not all of it: one word that begins with SEALMQ-. Copy it again from sealmq devices add.',
    exitCodes.usage,
  )
}

/** What a ticket says of a public key or a certificate. */
export const fingerprint = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('base64url')

/** The certificate that comes first in a PEM. @throws CommandError `ca-file` */
export function firstCertificate(pem: string): X509Certificate {
  try {
    return new X509Certificate(pem)
  } catch {
    throw new CommandError('ca-file', 'The certificate of the CA cannot be read. Give a PEM file.', exitCodes.usage)
  }
}

function parse(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown> | null
  } catch {
    return null
  }
}
