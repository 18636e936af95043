import { setTimeout } from 'node:timers/promises'
import { ClientError, type Listeners, type SealedClient } from '@sealmq/client'
import { KeyringError } from '@sealmq/protocol'
import type { Logger } from '../logger.ts'

export interface PlantLinkOptions {
  connect: (on: Listeners) => Promise<SealedClient>
  logger: Logger
  on: Listeners
  /** Called with every client that is connected for the first time, before anything goes over it. */
  connected: (client: SealedClient) => Promise<void>
  /** Nothing more can be done. */
  ended: (error: Error) => void
}

const shortestWait = 500
const longestWait = 30_000
/** Faults that no waiting mends. */
const finalCodes: readonly string[] = [
  'revoked',
  'authority-untrusted',
  'broker-untrusted',
  'authority-signature',
  'wrong-deployment',
  'rollback',
  'key-check',
]

/** The sealed connection to the plant; where the authority or the broker is away at the start, it is tried again. */
export class PlantLink {
  readonly #options: PlantLinkOptions
  readonly #stopped = new AbortController()
  #client: SealedClient | null = null
  #connecting: Promise<void> = Promise.resolve()

  constructor(options: PlantLinkOptions) {
    this.#options = options
  }

  /** Null before the first connection. */
  get client(): SealedClient | null {
    return this.#client
  }

  get connected(): boolean {
    return this.#client?.connected ?? false
  }

  /** Resolves after the first attempt, whether or not it went well. */
  start(): Promise<void> {
    const first = Promise.withResolvers<void>()
    this.#connecting = this.#connect(first.resolve).catch(this.#options.ended).finally(first.resolve)
    return first.promise
  }

  async stop(): Promise<void> {
    this.#stopped.abort()
    await this.#connecting
    // What could not be saved was told by the client's error event.
    await this.#client?.endAsync().catch(() => {})
  }

  async #connect(tried: () => void): Promise<void> {
    const { connect, connected, logger, on } = this.#options
    let wait = shortestWait
    while (!this.#stopped.signal.aborted) {
      try {
        const client = await connect(on)
        this.#client = client
        await connected(client)
        return
      } catch (error) {
        if (!isUnreachable(error)) throw error
        logger.warn({ code: (error as ClientError).code, reason: (error as Error).message }, 'the plant is away')
        tried()
      }
      await setTimeout(wait * (0.5 + Math.random() / 2), null, { signal: this.#stopped.signal }).catch(() => {})
      wait = Math.min(wait * 2, longestWait)
    }
  }
}

/** Whether an error means that going on makes no sense. */
export const isFinal = (error: unknown): boolean =>
  (error instanceof ClientError || error instanceof KeyringError) && finalCodes.includes(error.code)

const isUnreachable = (error: unknown) =>
  (error instanceof ClientError || error instanceof KeyringError) && !isFinal(error)
