import type { AuditAction, AuditEvent } from '@sealmq/audit-log'
import { printable } from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import type { AuthorityError, AuthorityErrorCode } from '../authority-error.ts'
import type { Authority } from './authority.ts'
import { askerOf } from './gates.ts'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What a refusal of the route is recorded as, and what of strangers are recorded at all. */
    audit?: AuditAction
  }
}

/** Faults of the request or the authority, and questions for a factor: nobody was refused anything. */
const unrecorded: ReadonlySet<AuthorityErrorCode> = new Set([
  'bad-request',
  'too-large',
  'step-up-required',
  'otp-required',
  'internal',
  'store-damaged',
  'mail-failed',
  'busy',
  'disk-full',
])
/** Guesses. */
const recordedOfStrangers: ReadonlySet<AuthorityErrorCode> = new Set(['wrong-code', 'wrong-setup-code', 'setup-done'])

const isPrintable = new RegExp(printable)

/** Records what the asker was refused, if it is worth a record. Never fails. */
export async function recordRefusal(
  { refusals }: Pick<Authority, 'refusals'>,
  request: FastifyRequest,
  failure: AuthorityError,
): Promise<void> {
  const by = askerOf(request)
  const { audit: action } = request.routeOptions.config
  const isWorthIt =
    by.actor.kind === 'stranger'
      ? action !== undefined && recordedOfStrangers.has(failure.code)
      : !unrecorded.has(failure.code) && (request.method !== 'GET' || failure.status === 403)
  if (!isWorthIt) return
  await refusals.add({ action: action ?? 'request.refuse', code: failure.code, on: routeOf(request) }, by)
}

function routeOf(request: FastifyRequest): NonNullable<AuditEvent['on']> {
  const { id } = (request.params ?? {}) as { id?: unknown }
  // The gate comes before the check of the request.
  const isReadable = (typeof id === 'string' && isPrintable.test(id)) || typeof id === 'number'
  return { kind: 'route', id: isReadable ? String(id) : null, name: `${request.method} ${request.routeOptions.url}` }
}
