import { createHash, X509Certificate } from 'node:crypto'
import { type Ticket, ticketPrefix } from '@sealmq/protocol'
import { CommandError, exitCodes } from './exit-codes.ts'

const fingerprintPattern = /^[\w-]{43}$/

/** @throws CommandError `bad-ticket` */
export function readTicket(text: string): Ticket {
  const word = text.replaceAll(/\s/g, '')
  const fields = word.startsWith(ticketPrefix)
    ? parse(Buffer.from(word.slice(ticketPrefix.length), 'base64url').toString())
    : null
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
