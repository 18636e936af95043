import Type, { type Static } from 'typebox'
import { printable } from './printable.ts'

/** How somebody signs in: an email address, or the user name of a person without a mailbox (no @). */
const signInName = Type.String({
  minLength: 1,
  maxLength: 254,
  pattern: printable,
  description: 'Email address, or user name of a person without a mailbox',
})
const memberName = Type.String({ minLength: 1, maxLength: 100, pattern: printable })
const roleName = Type.String({ minLength: 1, maxLength: 100, pattern: printable })
const password = Type.String({ minLength: 1, maxLength: 1024 })
/** Six digits, or a longer code that an administrator hands over; spaces and dashes do not count. */
const code = Type.String({ minLength: 1, maxLength: 64 })

/** The second factor that a sign-in asks for. `email` is weaker: whoever reads the mailbox has it. */
export const SecondFactor = Type.Union([Type.Literal('none'), Type.Literal('email'), Type.Literal('totp')])
export type SecondFactor = Static<typeof SecondFactor>

/** Answer to everything that may send a mail: the same whether the account exists or not. */
export const CodeSent = Type.Object({
  retryAfter: Type.Number({ description: 'Seconds before another may be asked for' }),
})
export type CodeSent = Static<typeof CodeSent>

/** What a stranger may ask for. */
export const SignUpChoices = Type.Object({
  open: Type.Boolean({ description: 'false: only by invitation' }),
  roles: Type.Array(Type.String()),
})
export type SignUpChoices = Static<typeof SignUpChoices>
export const SignUpRequest = Type.Object({ email: signInName, name: memberName, password, role: roleName })
export type SignUpRequest = Static<typeof SignUpRequest>
/** The token ties the code from the mail to this sign-up: another one for the same address cannot use it. */
export const SignUpStarted = Type.Object({ signUp: Type.String(), retryAfter: Type.Number() })
export type SignUpStarted = Static<typeof SignUpStarted>

/** With `signUp`: makes the account. Without: proves the address of an account that exists. */
export const VerifyRequest = Type.Object({
  email: signInName,
  code,
  signUp: Type.Optional(Type.String({ maxLength: 64 })),
})
export type VerifyRequest = Static<typeof VerifyRequest>
export const Verified = Type.Object({
  state: Type.Union([Type.Literal('waiting'), Type.Literal('active')], {
    description: 'waiting: for an administrator to approve',
  }),
})
export type Verified = Static<typeof Verified>

export const AddressRequest = Type.Object({ email: signInName })
export type AddressRequest = Static<typeof AddressRequest>

/** One of the three. `password` only where the account has no second factor. */
export const StepUpRequest = Type.Object({
  otp: Type.Optional(code),
  recoveryCode: Type.Optional(code),
  password: Type.Optional(password),
})
export type StepUpRequest = Static<typeof StepUpRequest>
export const SteppedUp = Type.Object({ until: Type.Number({ description: 'ms' }) })
export type SteppedUp = Static<typeof SteppedUp>

export const PasswordReset = Type.Object({ email: signInName, code, password })
export type PasswordReset = Static<typeof PasswordReset>
export const PasswordChange = Type.Object({ password, newPassword: password })
export type PasswordChange = Static<typeof PasswordChange>
export const PasswordOnly = Type.Object({ password })
export type PasswordOnly = Static<typeof PasswordOnly>

export const Factors = Type.Object({
  secondFactor: SecondFactor,
  /** The authenticator is asked for by a role. */
  authenticatorRequired: Type.Boolean(),
  recoveryCodesLeft: Type.Number(),
  addressProved: Type.Boolean(),
})
export type Factors = Static<typeof Factors>
/** Given once; it counts only after it is confirmed with a code of the authenticator. */
export const TotpEnrolment = Type.Object({
  secret: Type.String({ description: 'base32' }),
  uri: Type.String({ description: 'otpauth://totp/…' }),
})
export type TotpEnrolment = Static<typeof TotpEnrolment>
export const TotpConfirmation = Type.Object({ otp: code })
export type TotpConfirmation = Static<typeof TotpConfirmation>
/** Given once: the authority keeps only hashes. */
export const RecoveryCodes = Type.Object({ recoveryCodes: Type.Array(Type.String()) })
export type RecoveryCodes = Static<typeof RecoveryCodes>

export const SessionInfo = Type.Object({
  id: Type.String(),
  current: Type.Boolean(),
  createdAt: Type.Number(),
  lastUsedAt: Type.Number(),
  expiresAt: Type.Number(),
  address: Type.String(),
  client: Type.String({ description: 'What the program said of itself' }),
})
export type SessionInfo = Static<typeof SessionInfo>

export const EmailChange = Type.Object({ email: signInName, password })
export type EmailChange = Static<typeof EmailChange>
export const EmailConfirmation = Type.Object({ code })
export type EmailConfirmation = Static<typeof EmailConfirmation>

/** A member without a password until the code that it is given is used (password reset). */
export const Invitation = Type.Object({
  email: signInName,
  name: memberName,
  roles: Type.Array(roleName, { maxItems: 32 }),
})
export type Invitation = Static<typeof Invitation>
/** The code is shown once, and only where it could not be mailed. */
export const HandedCode = Type.Object({
  code: Type.Union([Type.String(), Type.Null()]),
  expiresAt: Type.Number(),
})
export type HandedCode = Static<typeof HandedCode>
export const Approval = Type.Object({ role: Type.Optional(roleName) })
export type Approval = Static<typeof Approval>

/** The original system's user file. */
export const MembersImport = Type.Object({
  users: Type.Record(
    Type.String({ minLength: 1, maxLength: 254 }),
    Type.Object({ password: Type.String({ maxLength: 256 }), role: Type.String({ maxLength: 100 }) }),
  ),
  emails: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 254 }))),
  dryRun: Type.Optional(Type.Boolean()),
})
export type MembersImport = Static<typeof MembersImport>
export const ImportedMember = Type.Object({
  user: Type.String(),
  email: Type.Union([Type.String(), Type.Null()]),
  outcome: Type.Union([
    Type.Literal('imported'),
    Type.Literal('needs-code'),
    Type.Literal('exists'),
    Type.Literal('refused'),
  ]),
  requestedRole: Type.Union([Type.String(), Type.Null()]),
  reason: Type.Union([Type.String(), Type.Null()]),
  /** One-time code for the administrator to hand over; null where it was mailed or none is needed. */
  code: Type.Union([Type.String(), Type.Null()]),
})
export type ImportedMember = Static<typeof ImportedMember>

export const MailTestResult = Type.Object({
  transport: Type.Union([Type.Literal('smtp'), Type.Literal('outbox')]),
  /** File in the data folder's outbox. */
  file: Type.Union([Type.String(), Type.Null()]),
})
export type MailTestResult = Static<typeof MailTestResult>
