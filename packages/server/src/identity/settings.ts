/** How sign-in behaves; times in ms. Each can be set (docs/operations.md). */
export interface IdentitySettings {
  /** How long a mailed code is good, and how often it may be tried. */
  codeTime: number
  codeTries: number
  /** Between two codes for the same account and purpose. */
  codeResend: number
  /** How long a code is good that an administrator hands over or that invites. */
  handedCodeTime: number
  /** Wrong passwords in a row that lock, for how long the first time (twice as long each time after), and at most. */
  lockTries: number
  lockTime: number
  longestLock: number
  /** Failed sign-ins from one source address that shut it out, and for how long the first time. */
  addressTries: number
  addressLockTime: number
  /** Sign-ups and mailed codes that one source address may ask for within an hour. */
  addressRequests: number
  /** How long a factor stays fresh enough for changes. */
  stepUpTime: number
  sessionTime: number
  /** How long a sender's token should serve; it is to be renewed after half of it. It does not end by itself. */
  tokenTime: number
  /** A failed sign-in, and all that strangers ask for codes, is answered this long after it came, whatever the reason. */
  failureTime: number
  /** The same for sign-ins while there are passwords of an import: three guesses at one take longer than others. */
  importedFailureTime: number
  /** Strangers may sign up. */
  signUpOpen: boolean
}

const minute = 60_000

export const defaultIdentitySettings: IdentitySettings = {
  codeTime: 5 * minute,
  codeTries: 5,
  codeResend: 30_000,
  handedCodeTime: 7 * 24 * 60 * minute,
  lockTries: 3,
  lockTime: 5 * minute,
  longestLock: 24 * 60 * minute,
  addressTries: 100,
  addressLockTime: 5 * minute,
  addressRequests: 60,
  stepUpTime: 10 * minute,
  sessionTime: 12 * 60 * minute,
  tokenTime: 30 * 24 * 60 * minute,
  failureTime: 500,
  importedFailureTime: 2_000,
  signUpOpen: true,
}
