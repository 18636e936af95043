import { KeyringError } from '@sealmq/protocol'
import {
  DeploymentInfo,
  type EnrolRequest,
  Failure,
  Keyring,
  type LoginRequest,
  type RenewalRequest,
  SenderCreated,
  type SenderRequest,
  Session,
  type SetupRequest,
} from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { ClientError, isCertificateError } from '../client-error.ts'
import { type AnswerShape, hasShape } from './answer-shape.ts'

/** A refusal of the authority: its stable code, and its sentence as message. */
export class AuthorityError extends Error {
  readonly code: string
  readonly status: number
  /** Seconds. */
  readonly retryAfter: number | undefined
  /** What `otp-required` and `step-up-required` ask for. */
  readonly factor: Failure['factor']
  constructor(status: number, code: string, message: string, details: Pick<Failure, 'retryAfter' | 'factor'> = {}) {
    super(message)
    this.name = 'AuthorityError'
    this.status = status
    this.code = code
    this.retryAfter = details.retryAfter
    this.factor = details.factor
  }
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface AuthorityClientOptions {
  /** `http://…` or `https://…` */
  url: string
  /** Session or sender token; a function is asked before each request, since a sender's token is renewed. */
  token?: string | (() => Promise<string>) | undefined
  fetch?: Fetch | undefined
  /** ms; default 10,000. */
  timeout?: number
}

/** The authority's HTTP API. Every call throws AuthorityError, or ClientError `authority-unreachable`, `authority-untrusted`. */
export class AuthorityClient {
  readonly url: string
  readonly #options: AuthorityClientOptions

  constructor(options: AuthorityClientOptions) {
    this.#options = options
    this.url = options.url.replace(/\/+$/, '')
  }

  /** The same authority with another token. */
  withToken(token: string): AuthorityClient {
    return new AuthorityClient({ ...this.#options, token })
  }

  deployment(): Promise<DeploymentInfo> {
    return this.#read(DeploymentInfo, 'GET', routes.deployment)
  }

  setUp(request: SetupRequest): Promise<Session> {
    return this.#read(Session, 'POST', routes.setup, request)
  }

  logIn(request: LoginRequest): Promise<Session> {
    return this.#read(Session, 'POST', routes.login, request)
  }

  async logOut(): Promise<void> {
    await this.request('POST', routes.logout)
  }

  addSender(request: SenderRequest): Promise<SenderCreated> {
    return this.#read(SenderCreated, 'POST', routes.senders, request)
  }

  /** A sender that ends with the session that asks. */
  addSessionSender(request: SenderRequest): Promise<SenderCreated> {
    return this.#read(SenderCreated, 'POST', routes.sessionSenders, request)
  }

  enrol(request: EnrolRequest): Promise<SenderCreated> {
    return this.#read(SenderCreated, 'POST', routes.enrol, request)
  }

  /** Tells a sender's next token, which was made and kept here before. */
  async renewToken(token: string): Promise<void> {
    await this.request('POST', routes.renewal, { token } satisfies RenewalRequest)
  }

  async removeSender(sender: number): Promise<void> {
    await this.request('DELETE', routes.sender.replace(':id', String(sender)))
  }

  /** @throws KeyringError `malformed` too */
  async keyring(): Promise<Keyring> {
    const keyring = await this.request<Keyring>('GET', routes.keyring)
    if (!hasShape(Keyring, keyring)) throw new KeyringError('malformed')
    return keyring
  }

  /**
   * Any route of `routes` with its parameters filled in; the answer is JSON, and of the type that the route documents if
   * the authority keeps to it.
   */
  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    const signal = AbortSignal.timeout(this.#options.timeout ?? 10_000)
    const response = await this.#send(method, path, body, signal)
    const text = await textOf(response)
    const answer = parse(text)
    if (response.ok && (answer !== undefined || text === '')) return answer as T
    throw this.#refusal(response, answer)
  }

  /** The bytes of an answer that may be long, as they come. It takes as long as it takes: the signal ends it. */
  async open(path: string, signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#send('GET', path, undefined, signal)
    if (response.ok && response.body) return response.body
    throw this.#refusal(response, parse(await textOf(response)))
  }

  async #read<T>(shape: AnswerShape, method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.request<T>(method, path, body)
    if (!hasShape(shape, answer)) throw this.#badAnswer(200)
    return answer
  }

  #refusal({ ok, status }: Response, answer: unknown): AuthorityError {
    if (ok || !hasShape(Failure, answer)) return this.#badAnswer(status)
    const failure = answer as Failure
    return new AuthorityError(status, failure.code, failure.message, failure)
  }

  #badAnswer(status: number): AuthorityError {
    const message = `${this.url} does not answer as a SealMQ authority does. Check the address.`
    return new AuthorityError(status, 'bad-answer', message)
  }

  /** Opens the change feed; its bytes are server-sent events. */
  async openChanges(signal: AbortSignal): Promise<ReadableStream<Uint8Array>> {
    const response = await this.#send('GET', routes.changes, undefined, signal)
    if (response.ok && response.body) return response.body
    throw new AuthorityError(
      response.status,
      response.status === 401 ? 'not-signed-in' : 'bad-answer',
      'The change feed was refused.',
    )
  }

  async #send(method: string, path: string, body: unknown, signal: AbortSignal): Promise<Response> {
    const { token, fetch = globalThis.fetch.bind(globalThis) } = this.#options
    const headers: Record<string, string> = {}
    if (body !== undefined) headers['content-type'] = 'application/json'
    if (token !== undefined) headers.authorization = `Bearer ${typeof token === 'string' ? token : await token()}`
    try {
      return await fetch(`${this.url}${path}`, {
        method,
        headers,
        signal,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    } catch (error) {
      const reason = reasonOf(error)
      const code = isCertificateError(reason) ? 'authority-untrusted' : 'authority-unreachable'
      throw new ClientError(code, `${this.url}: ${reason}.`)
    }
  }
}

async function textOf(response: Response): Promise<string> {
  return response.text().catch(() => {
    throw new ClientError('authority-unreachable')
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

// fetch hides the reason one level down.
function reasonOf(error: unknown): string {
  const { cause, code, message, name } = error as Error & { code?: string; cause?: { code?: string; message?: string } }
  return cause?.code ?? cause?.message ?? code ?? (name === 'TimeoutError' ? 'no answer in time' : message)
}
