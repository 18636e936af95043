import type { FastifyError } from 'fastify'
import { AuthorityError } from '../authority-error.ts'
import { isDamaged, isDiskFull } from '../store/store-failure.ts'

/** Largest request body, bytes. */
export const bodyLimit = 64 * 1024

/** What the asker is told of whatever was thrown: a code, a sentence, no value and nothing of the inside. */
export function asFailure(error: FastifyError): AuthorityError {
  if (error instanceof AuthorityError) return error
  if (error.code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new AuthorityError('too-large', `The request is larger than ${bodyLimit / 1024} KiB. Send less at once.`)
  }
  if (error.validation)
    return new AuthorityError('bad-request', `The request is not as /api/docs describes it: ${describeFault(error)}.`)
  if (error.statusCode !== undefined && error.statusCode < 500) {
    return new AuthorityError('bad-request', 'The request cannot be read. /api/docs describes what is expected.')
  }
  if (isDiskFull(error)) {
    return new AuthorityError(
      'disk-full',
      "The disk of the authority's store is full. Nothing was changed: make room and try again.",
    )
  }
  if (isDamaged(error)) {
    return new AuthorityError(
      'store-damaged',
      'The store is damaged. Stop the authority and restore a backup with sealmq restore, into another --data folder.',
    )
  }
  return new AuthorityError('internal', 'The authority failed. Try again; its log says more.')
}

// The place and the rule, never the value: it may be a password.
function describeFault(error: FastifyError): string {
  const [fault] = error.validation ?? []
  return `${error.validationContext ?? 'request'}${fault?.instancePath ?? ''} ${fault?.message ?? 'is wrong'}`
}
