/** Tells everyone who listens that the authority has a new revision. */
export class ChangeFeed {
  readonly #listeners = new Set<(revision: number) => void>()
  #closed = false

  /** @returns how to stop listening */
  listen(listener: (revision: number) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  announce(revision: number): void {
    if (!this.#closed) for (const listener of this.#listeners) listener(revision)
  }

  get listeners(): number {
    return this.#listeners.size
  }

  close(): void {
    this.#closed = true
    this.#listeners.clear()
  }
}
