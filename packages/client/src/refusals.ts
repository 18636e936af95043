import { KeyringError, SealError } from '@sealmq/protocol'

/** A keyring without the authority's time refuses messages too: nothing tells whether they are fresh. */
export const isRefusal = (error: unknown): error is SealError | KeyringError =>
  error instanceof SealError || error instanceof KeyringError

/** Errors that a newer keyring may explain. */
const explainable: readonly string[] = ['unknown-sender', 'unknown-key', 'not-permitted', 'clock-unknown']

/** Whether a message that was refused may open once the keyring was read anew. */
export const mayBeNew = (error: unknown): boolean => isRefusal(error) && explainable.includes(error.code)
