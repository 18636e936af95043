import { AuthorityError, ClientError } from '@sealmq/client'
import { messages } from '../messages/english.ts'

/** What is shown of a failed request: a sentence that says what to do. */
export function failureText(error: unknown): string {
  if (error instanceof AuthorityError) {
    // The authority's sentences name commands where a person at the command line would need them.
    return messages.failures[error.code as keyof typeof messages.failures] ?? error.message
  }
  if (error instanceof ClientError) return messages.failures['authority-unreachable']
  return messages.failures.unexpected
}

/** Whether a request failed with this code. */
export const isFailure = (error: unknown, code: string): error is AuthorityError =>
  error instanceof AuthorityError && error.code === code
