/** Every refusal of the authority with its HTTP status. */
export const authorityErrorCodes = {
  'bad-request': 400,
  'weak-password': 400,
  'bad-filter': 400,
  'bad-key': 400,
  'not-signed-in': 401,
  'wrong-credentials': 401,
  'otp-required': 401,
  'wrong-code': 401,
  'wrong-setup-code': 401,
  'credential-renewed': 401,
  'credential-copied': 401,
  'not-allowed': 403,
  'not-approved': 403,
  'factor-needed': 403,
  'step-up-required': 403,
  'foreign-origin': 403,
  'sign-up-closed': 403,
  'not-found': 404,
  conflict: 409,
  'name-taken': 409,
  'channel-overlap': 409,
  'last-administrator': 409,
  'role-in-use': 409,
  'role-for-people': 409,
  'is-device': 409,
  'setup-done': 409,
  'address-unproved': 409,
  'too-large': 413,
  'too-many-tries': 429,
  internal: 500,
  'store-damaged': 500,
  'mail-failed': 502,
  'broker-failed': 502,
  busy: 503,
  'disk-full': 507,
} as const
export type AuthorityErrorCode = keyof typeof authorityErrorCodes

/** What a refusal says beside its sentence. */
export interface RefusalDetails {
  /** Seconds. */
  retryAfter?: number
  /** What is asked for. */
  factor?: 'totp' | 'email' | 'password'
}

/** A refusal that the asker may read: one sentence and what to do. */
export class AuthorityError extends Error {
  readonly code: AuthorityErrorCode
  readonly status: number
  /** Seconds. */
  readonly retryAfter: number | undefined
  readonly factor: 'totp' | 'email' | 'password' | undefined
  constructor(code: AuthorityErrorCode, message: string, { retryAfter, factor }: RefusalDetails = {}) {
    super(message)
    this.name = 'AuthorityError'
    this.code = code
    this.status = authorityErrorCodes[code]
    this.retryAfter = retryAfter
    this.factor = factor
  }
}

export type StartErrorCode =
  | 'port-in-use'
  | 'address-unusable'
  | 'master-key-damaged'
  | 'master-key-missing'
  | 'store-damaged'
  | 'store-missing'
  | 'store-unreachable'
  | 'data-locked'
  | 'data-unwritable'
  | 'disk-full'
  | 'plain-refused'
  | 'tls-files'
  | 'bad-setting'
  | 'broker-unreachable'
  | 'broker-refused'
  | 'broker-untrusted'
  | 'broker-too-old'
  | 'broker-without-plugin'
  | 'broker-anonymous'
  | 'broker-missing'
  | 'folder-in-use'

/** Why the authority did not start. The message names the setting and says what to do. */
export class StartError extends Error {
  readonly code: StartErrorCode
  constructor(code: StartErrorCode, message: string) {
    super(message)
    this.name = 'StartError'
    this.code = code
  }
}
