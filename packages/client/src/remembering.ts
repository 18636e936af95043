import type { HeldKeyring, ReplayState } from '@sealmq/protocol'
import type { Storage } from './storage.ts'

/** What is remembered is saved at most so often, ms. */
const savePause = 1_000

/** Saves what must outlive the process: a little after it changed, and at the end. */
export class Remembering {
  readonly #storage: Storage
  readonly #keyring: HeldKeyring
  readonly #replay: ReplayState
  readonly #failed: (error: Error) => void
  #timer: ReturnType<typeof setTimeout> | null = null
  #saving: Promise<void> = Promise.resolve()
  /** Told once until it is possible again. */
  #fails = false
  /** Whether the replay state differs from the one that was loaded. */
  #accepted = false
  #ended = false

  /** @param failed called when saving begins to fail; it is tried again by itself */
  constructor(storage: Storage, keyring: HeldKeyring, replay: ReplayState, failed: (error: Error) => void) {
    this.#storage = storage
    this.#keyring = keyring
    this.#replay = replay
    this.#failed = failed
  }

  saveSoon(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = null
      this.save().then(
        () => {
          this.#fails = false
        },
        (error) => {
          if (!this.#fails) this.#failed(error)
          this.#fails = true
          if (!this.#ended) this.saveSoon()
        },
      )
    }, savePause)
  }

  /** Saves now, after whatever is being saved. */
  save(): Promise<void> {
    this.#accepted ||= this.#replay.changed
    const state = { numbers: this.#keyring.numbers(), replay: this.#accepted ? this.#replay.snapshot() : null }
    const saved = this.#saving.then(() => this.#storage.save(state))
    // One that fails does not keep the next one from being tried.
    this.#saving = saved.catch(() => {})
    return saved
  }

  /** Saves for the last time. */
  end(): Promise<void> {
    this.#ended = true
    if (this.#timer) clearTimeout(this.#timer)
    return this.save()
  }
}
