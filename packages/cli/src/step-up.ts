import { AuthorityClient, type AuthorityClientOptions, AuthorityError } from '@sealmq/client'
import type { CodeSent, Factors, Failure, SteppedUp, StepUpRequest } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { CommandError, exitCodes } from './exit-codes.ts'
import { note } from './output.ts'
import { readPassword } from './password.ts'
import { isAttended, withCode } from './terminal.ts'

type Factor = NonNullable<Failure['factor']>

/**
 * The authority with a session. Where a change asks for a fresh factor, the person at the terminal is asked for it and
 * the change is repeated once; without a terminal the refusal says what to run.
 */
export class SteppingAuthority extends AuthorityClient {
  readonly #plain: AuthorityClient
  constructor(options: AuthorityClientOptions) {
    super(options)
    this.#plain = new AuthorityClient(options)
  }

  override async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    try {
      return await this.#plain.request<T>(method, path, body)
    } catch (error) {
      if (!(error instanceof AuthorityError && error.code === 'step-up-required')) throw error
      const factor = error.factor ?? (await presentFactor(this.#plain))
      if (!isAttended()) throw new CommandError(error.code, advice[factor], exitCodes.notPermitted)
      note('This needs a fresh factor.')
      await stepUpByAsking(this.#plain, factor)
      return this.#plain.request<T>(method, path, body)
    }
  }
}

const needed = 'This needs a fresh factor, good for some minutes.'
const advice: Record<Factor, string> = {
  totp: `${needed} Run sealmq step-up --otp CODE with a code of your authenticator app, then this again.`,
  email: `${needed} Run sealmq step-up --send, then sealmq step-up --otp CODE with the code from the mail, then this again.`,
  password: `${needed} Run sealmq step-up --password-file FILE, then this again.`,
}

/** What a step-up of this account asks for. */
export async function presentFactor(authority: AuthorityClient): Promise<Factor> {
  const { secondFactor } = await authority.request<Factors>('GET', routes.factors)
  return secondFactor === 'none' ? 'password' : secondFactor
}

/** Asks the person for the factor and gives it. */
export async function stepUpByAsking(authority: AuthorityClient, factor: Factor): Promise<SteppedUp> {
  if (factor === 'password') {
    return stepUp(authority, { password: await readPassword(undefined, 'Your password: ') })
  }
  if (factor === 'email') await sendStepUpCode(authority)
  return withCode(undefined, { flag: '--otp CODE', question: codeQuestions[factor] }, (otp) =>
    stepUp(authority, { otp }),
  )
}

/** What to ask in a terminal. */
export const codeQuestions: Record<'totp' | 'email', string> = {
  totp: 'Code of your authenticator app: ',
  email: 'Code from the mail: ',
}

export function stepUp(authority: AuthorityClient, request: StepUpRequest): Promise<SteppedUp> {
  return authority.request('POST', routes.stepUp, request)
}

/** Has the code for a step-up mailed. */
export async function sendStepUpCode(authority: AuthorityClient): Promise<void> {
  await authority.request<CodeSent>('POST', routes.stepUpSend).catch((error) => {
    // One that was mailed a moment ago is still good.
    if (!(isAttended() && error instanceof AuthorityError && error.code === 'too-many-tries')) throw error
    note('A code was mailed a moment ago. Take that one.')
  })
}
