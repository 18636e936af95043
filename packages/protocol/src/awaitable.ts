/** A value now (node:crypto) or later (WebCrypto). The same code serves both, and stays synchronous where it can. */
export type Awaitable<T> = T | Promise<T>

/** Goes on with a value as soon as it is there; synchronously when it already is. */
export function chain<T, R>(value: Awaitable<T>, next: (value: T) => Awaitable<R>): Awaitable<R> {
  return value instanceof Promise ? value.then(next) : next(value)
}
