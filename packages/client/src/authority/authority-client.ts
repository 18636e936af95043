import {
  type DeploymentInfo,
  type Keyring,
  type LoginRequest,
  routes,
  type SenderCreated,
  type SenderRequest,
  type Session,
  type SetupRequest,
} from '@sealmq/protocol/api'
import { ClientError, isCertificateError } from '../client-error.ts'

/** A refusal of the authority: its stable code, and its sentence as message. */
export class AuthorityError extends Error {
  readonly code: string
  readonly status: number
  /** Seconds. */
  readonly retryAfter: number | undefined
  constructor(status: number, code: string, message: string, retryAfter?: number) {
    super(message)
    this.name = 'AuthorityError'
    this.status = status
    this.code = code
    this.retryAfter = retryAfter
  }
}

export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface AuthorityClientOptions {
  /** `http://…` or `https://…` */
  url: string
  /** Session or sender token. */
  token?: string | undefined
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
    return this.request('GET', routes.deployment)
  }

  setUp(request: SetupRequest): Promise<Session> {
    return this.request('POST', routes.setup, request)
  }

  logIn(request: LoginRequest): Promise<Session> {
    return this.request('POST', routes.login, request)
  }

  async logOut(): Promise<void> {
    await this.request('POST', routes.logout)
  }

  addSender(request: SenderRequest): Promise<SenderCreated> {
    return this.request('POST', routes.senders, request)
  }

  async removeSender(sender: number): Promise<void> {
    await this.request('DELETE', routes.sender.replace(':id', String(sender)))
  }

  keyring(): Promise<Keyring> {
    return this.request('GET', routes.keyring)
  }

  /** Any route of `routes` with its parameters filled in; the answer is of the type that the route documents. */
  async request<T>(method: string, path: string, body?: unknown): Promise<T> {
    const signal = AbortSignal.timeout(this.#options.timeout ?? 10_000)
    const response = await this.#send(method, path, body, signal)
    const text = await response.text().catch(() => {
      throw new ClientError('authority-unreachable')
    })
    if (response.ok) return (text === '' ? undefined : parse(text)) as T
    const failure = parse(text) as { code?: string; message?: string; retryAfter?: number } | undefined
    throw new AuthorityError(
      response.status,
      failure?.code ?? 'bad-answer',
      failure?.message ?? `${this.url} does not answer as a SealMQ authority does. Check the address.`,
      failure?.retryAfter,
    )
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
    if (token !== undefined) headers.authorization = `Bearer ${token}`
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
