import { AuthorityError, ClientError } from '@sealmq/client'
import type { Fault } from './protocol.ts'

/** An error as it can be told to the page. */
export function faultOf(error: unknown): Fault {
  if (error instanceof AuthorityError) {
    const { name, code, message, status, retryAfter, factor } = error
    return { name, code, message, status, retryAfter, factor: factor as Fault['factor'] }
  }
  const { name, message, code } = error as Error & { code?: unknown }
  return { name: String(name), code: typeof code === 'string' ? code : null, message: String(message) }
}

/** What the worker was refused by: its code and its sentence, which says what to do. */
export class WorkerFault extends Error {
  readonly code: string | null
  constructor({ name, code, message }: Fault) {
    super(message)
    this.name = name
    this.code = code
  }
}

/** The same error again, in the page. */
export function errorOf(fault: Fault): Error {
  const { name, code, message, status = 0, retryAfter, factor } = fault
  if (name === 'AuthorityError') {
    const details = { ...(retryAfter === undefined ? {} : { retryAfter }), ...(factor === undefined ? {} : { factor }) }
    return new AuthorityError(status, code ?? '', message, details as never)
  }
  if (name === 'ClientError' && code?.startsWith('authority-')) return new ClientError(code as never)
  return new WorkerFault(fault)
}
