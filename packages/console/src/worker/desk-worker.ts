import { errorOf } from './fault.ts'
import type { CallName, FromWorker, PublishAsk, Published, Row, Snapshot, WorkerCalls } from './protocol.ts'

type Waiting = {
  resolve: (answer: never) => void
  reject: (error: Error) => void
  sealed?: (published: Published) => void
}

/** The page's end of the worker that seals and opens. One for each tab, made when a desk is opened first. */
export class DeskWorker {
  readonly #worker: Worker
  readonly #waiting = new Map<number, Waiting>()
  readonly #listeners = new Set<(snapshot: Snapshot) => void>()
  readonly #arrivals = new Set<(row: Row) => void>()
  #calls = 0

  constructor() {
    this.#worker = new Worker(new URL('./sealing-worker.ts', import.meta.url), { type: 'module', name: 'sealing' })
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data)
    this.#worker.onerror = () => this.#fail(new Error('The worker that seals and opens did not start.'))
  }

  /** @throws AuthorityError, ClientError, WorkerFault */
  ask<K extends CallName>(call: K, ...args: Parameters<WorkerCalls[K]>): Promise<ReturnType<WorkerCalls[K]>> {
    return this.#ask({ call, args })
  }

  /**
   * @param sealed hears of it before the broker has acknowledged it
   * @throws WorkerFault with the code and sentence of the client's error
   */
  publish(ask: PublishAsk, sealed: (published: Published) => void): Promise<Published> {
    return this.#ask({ call: 'publish', args: [ask] }, sealed)
  }

  #ask<T>(question: { call: CallName; args: unknown[] }, sealed?: Waiting['sealed']): Promise<T> {
    const id = ++this.#calls
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, ...(sealed ? { sealed } : {}) })
      this.#worker.postMessage({ id, ...question })
    })
  }

  /** @returns how to stop listening */
  onSnapshot(listener: (snapshot: Snapshot) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Messages as they come, at most a few a second. @returns how to stop listening */
  onArrival(listener: (row: Row) => void): () => void {
    this.#arrivals.add(listener)
    return () => this.#arrivals.delete(listener)
  }

  /** Forgets everything at once. */
  end(): void {
    this.#worker.terminate()
    this.#fail(new Error('The connection of this tab has ended.'))
  }

  #hear(data: FromWorker): void {
    if ('snapshot' in data) {
      for (const listener of this.#listeners) listener(data.snapshot)
      return
    }
    if ('arrived' in data) {
      for (const listener of this.#arrivals) listener(data.arrived)
      return
    }
    const waiting = this.#waiting.get(data.id)
    if ('sealed' in data) {
      waiting?.sealed?.(data.sealed)
      return
    }
    this.#waiting.delete(data.id)
    if ('fault' in data) waiting?.reject(errorOf(data.fault))
    else waiting?.resolve(data.answer as never)
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
