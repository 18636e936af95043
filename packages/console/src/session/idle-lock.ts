/** ms without input after which pages cover themselves. */
export const idleTime = 15 * 60_000
/** ms; how exactly the last input is known to other tabs. */
const noteEvery = 5000
/** In local storage, for all tabs: when there was input last, ms; or `locked`. Nothing secret. */
const place = 'sealmq-last-input'

/** What the lock stands on; the browser's in pages. */
export interface IdleSurroundings {
  storage: Pick<Storage, 'getItem' | 'setItem' | 'removeItem'>
  now: () => number
}

/**
 * Whether somebody is here, for all tabs of this browser together. It covers what is shown; the session goes on, and
 * who can run programs in this browser is not kept out by it. Whoever holds keys subscribes and drops them.
 */
export class IdleLock {
  readonly #listeners = new Set<(locked: boolean) => void>()
  readonly #surroundings: IdleSurroundings
  #locked = false

  constructor(surroundings: IdleSurroundings) {
    this.#surroundings = surroundings
    this.check()
  }

  get locked(): boolean {
    return this.#locked
  }

  /** @returns ends it */
  readonly subscribe = (listener: (locked: boolean) => void): (() => void) => {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** There was input; while it is locked that changes nothing. */
  readonly input = (): void => {
    const { storage, now } = this.#surroundings
    this.check()
    if (this.#locked) return
    const last = Number(storage.getItem(place))
    if (Math.abs(now() - last) >= noteEvery) storage.setItem(place, String(now()))
  }

  /** Looks at the clock and at what other tabs said. */
  readonly check = (): void => {
    const { storage, now } = this.#surroundings
    const said = storage.getItem(place)
    if (said !== null && said !== 'locked' && now() - Number(said) >= idleTime) storage.setItem(place, 'locked')
    this.#become(storage.getItem(place) === 'locked')
  }

  /** A fresh factor was given. */
  readonly unlock = (): void => {
    const { storage, now } = this.#surroundings
    storage.setItem(place, String(now()))
    this.#become(false)
  }

  /** Nobody is signed in any more, or somebody anew. */
  readonly forget = (): void => {
    this.#surroundings.storage.removeItem(place)
    this.#become(false)
  }

  #become(locked: boolean): void {
    if (locked === this.#locked) return
    this.#locked = locked
    for (const listener of this.#listeners) listener(locked)
  }
}

/** The one of this page. */
export const idleLock = new IdleLock({ storage: localStorage, now: Date.now })
