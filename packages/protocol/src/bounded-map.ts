/** A map that forgets the entry set longest ago when it is full, so that nobody can grow it without end. */
export class BoundedMap<K, V> extends Map<K, V> {
  readonly #limit: number

  constructor(limit: number) {
    super()
    this.#limit = limit
  }

  override set(key: K, value: V): this {
    if (!this.has(key) && this.size >= this.#limit) {
      const { value: oldest, done } = this.keys().next()
      if (!done) this.delete(oldest)
    }
    return super.set(key, value)
  }
}
