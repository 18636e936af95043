import { AuditLogError } from '@sealmq/audit-log'
import { AuthorityError, ClientError } from '@sealmq/client'
import { KeyringError, SealError } from '@sealmq/protocol'

/** What the process ends with; listed in `sealmq --help`. */
export const exitCodes = {
  ok: 0,
  failure: 1,
  usage: 2,
  notSignedIn: 3,
  notPermitted: 4,
  authorityUnreachable: 5,
  brokerUnreachable: 6,
  /** The audit log, or what it was compared with, does not hold. */
  notProved: 7,
  /** As mosquitto_sub's -W. */
  timeout: 27,
} as const

/** A fault of the command line itself. */
export class CommandError extends Error {
  readonly code: string
  readonly exitCode: number
  constructor(code: string, message: string, exitCode: number = exitCodes.failure) {
    super(message)
    this.code = code
    this.exitCode = exitCode
  }
}

/** One sentence, a stable code and an exit code for anything that was thrown; never a stack trace. */
export function describeError(error: unknown): { message: string; code: string; exitCode: number } {
  if (error instanceof CommandError) return error
  if (error instanceof ClientError) {
    return { message: error.message, code: error.code, exitCode: clientExitCodes[error.code] ?? exitCodes.failure }
  }
  if (error instanceof AuthorityError) {
    return { message: error.message, code: error.code, exitCode: statusExitCodes[error.status] ?? exitCodes.failure }
  }
  if (error instanceof SealError) {
    return {
      message: error.message,
      code: error.code,
      exitCode: error.code === 'not-permitted' ? exitCodes.notPermitted : exitCodes.failure,
    }
  }
  if (error instanceof AuditLogError) return { message: error.message, code: error.code, exitCode: exitCodes.notProved }
  if (error instanceof KeyringError) return { message: error.message, code: error.code, exitCode: exitCodes.failure }
  const { code, message } = error as NodeJS.ErrnoException
  return { message: message ?? String(error), code: code ?? 'internal', exitCode: exitCodes.failure }
}

// 401 has otp-required and wrong-code in it, 403 step-up-required, not-approved and factor-needed.
const statusExitCodes: Partial<Record<number, number>> = { 401: exitCodes.notSignedIn, 403: exitCodes.notPermitted }

const clientExitCodes: Partial<Record<string, number>> = {
  'authority-unreachable': exitCodes.authorityUnreachable,
  'authority-untrusted': exitCodes.authorityUnreachable,
  'authority-mismatch': exitCodes.authorityUnreachable,
  'broker-untrusted': exitCodes.brokerUnreachable,
  'broker-unreachable': exitCodes.brokerUnreachable,
  'broker-refused': exitCodes.brokerUnreachable,
  'subscription-refused': exitCodes.notPermitted,
  revoked: exitCodes.notSignedIn,
}
