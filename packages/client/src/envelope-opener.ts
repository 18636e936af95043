import {
  type Cryptography,
  type Delivery,
  type HeldKeyring,
  type KeyringError,
  MessageOpener,
  type OpenedMessage,
  ReplayState,
} from '@sealmq/protocol'
import { AuthorityClient, type Fetch } from './authority/authority-client.ts'
import type { ClientError } from './client-error.ts'
import type { Identity, TokenKeeper } from './identity.ts'
import { KeyringRefresh } from './keyring-refresh.ts'
import { ownKeyring } from './own-keyring.ts'
import { mayBeNew } from './refusals.ts'
import type { Storage } from './storage.ts'

export interface EnvelopeOpenerOptions {
  identity: Identity
  cryptography: Cryptography
  /** The numbers of manifests and directory are kept there. What was accepted is neither read nor kept. */
  storage: Storage
  /** Keeps the token of an identity that renews it; without it the identity's own is used. */
  tokens?: TokenKeeper
  fetch?: Fetch | undefined
  /** Whether the authority can be reached, whenever that changes after the start. */
  authority?: (state: 'online' | 'away') => void
  /** Monotonic clock, ms. */
  monotonic?: () => number
  /** Wall clock, ms; only to notice that the machine slept or its clock was set. */
  wallClock?: () => number
}

/**
 * Opens envelopes that another program has received, with the keyring of one identity. It looks on: it begins with no replay
 * state, so that what a client of the same identity has accepted opens here too, and keeps none. Within one run nothing
 * opens twice.
 */
export class EnvelopeOpener {
  readonly #keyring: HeldKeyring
  readonly #opener: MessageOpener
  readonly #storage: Storage
  readonly #refresh: KeyringRefresh
  #refused: ClientError | KeyringError | null = null
  #authorityState: 'online' | 'away' = 'online'
  #isStarted = false

  private constructor(options: EnvelopeOpenerOptions, keyring: HeldKeyring) {
    const { identity, cryptography, storage, tokens, fetch, monotonic = () => performance.now() } = options
    this.#keyring = keyring
    this.#storage = storage
    this.#opener = new MessageOpener({ keyring, cryptography, replay: new ReplayState() })
    this.#refresh = new KeyringRefresh({
      authority: new AuthorityClient({
        url: identity.authority,
        token: tokens ? () => tokens.current() : identity.token,
        fetch,
      }),
      keyring,
      tokens: tokens ?? null,
      monotonic,
      refreshed: () => {},
      reached: (state) => {
        if (this.#isStarted && state !== this.#authorityState) options.authority?.(state)
        this.#authorityState = state
      },
      refused: (error) => {
        this.#refused = error
        keyring.clear()
        this.#refresh.stop()
      },
    })
  }

  /**
   * Reads the keyring, and from then on keeps it fresh.
   * @throws ClientError `authority-unreachable`, `revoked`; KeyringError
   */
  static async start(options: EnvelopeOpenerOptions): Promise<EnvelopeOpener> {
    const { monotonic = () => performance.now(), wallClock = Date.now, storage } = options
    let clockLost = () => {}
    const keyring = ownKeyring({ ...options, monotonic, wallClock }, await storage.load(), () => clockLost())
    const opener = new EnvelopeOpener(options, keyring)
    clockLost = () => void opener.#refresh.refresh().catch(() => {})
    try {
      await opener.#refresh.start()
      opener.#isStarted = true
      await opener.#remember()
    } catch (error) {
      opener.#refresh.stop()
      throw error
    }
    return opener
  }

  /**
   * Opens one envelope; when the keyring does not explain it, once more after it was read anew.
   * @throws SealError of every code but `lease-expired`; KeyringError `clock-unknown`; ClientError `revoked`
   */
  async open(topic: string, envelope: Uint8Array, delivery: Delivery): Promise<OpenedMessage> {
    if (this.#refused) throw this.#refused
    try {
      return await this.#opener.open(topic, envelope, delivery)
    } catch (error) {
      const isRead = mayBeNew(error) && (await this.#refresh.demand())
      // The reading may have said that this sender is revoked.
      if (this.#refused) throw this.#refused
      if (!isRead) throw error
      return await this.#opener.open(topic, envelope, delivery)
    }
  }

  /** Ends, and keeps the numbers below which nothing from the authority is taken again. */
  async end(): Promise<void> {
    this.#refresh.stop()
    await this.#remember()
  }

  #remember(): Promise<void> {
    return this.#storage.save({ numbers: this.#keyring.numbers(), replay: null })
  }
}
