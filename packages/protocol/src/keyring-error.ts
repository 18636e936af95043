/** Why a keyring from the authority was refused, or cannot be used. */
export const keyringErrorCodes = {
  malformed: 'The answer is not a keyring. Check the address of the authority.',
  'authority-signature':
    'The keyring is not signed by the pinned authority. Somebody may stand between: do not go on, ask an administrator.',
  rollback:
    'The authority gave an older manifest or directory than before. Ask an administrator whether it was restored from a backup.',
  'wrong-deployment': 'The keyring belongs to another deployment. Sign in again.',
  'key-check': 'A key does not fit its manifest. Ask an administrator.',
  'clock-unknown':
    "The authority's time is not known: not yet, or no longer since this machine slept. Connect to the authority first.",
} as const
export type KeyringErrorCode = keyof typeof keyringErrorCodes

/** A keyring that was refused, or that is not there yet. */
export class KeyringError extends Error {
  readonly code: KeyringErrorCode
  constructor(code: KeyringErrorCode) {
    super(keyringErrorCodes[code])
    this.name = 'KeyringError'
    this.code = code
  }
}
