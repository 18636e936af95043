import { errorOf } from './fault.ts'
import type { CallName, FromWorker, Row, Snapshot, WorkerCalls } from './protocol.ts'

type Waiting = { resolve: (answer: never) => void; reject: (error: Error) => void }

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
    const id = ++this.#calls
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#worker.postMessage({ id, call, args })
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
    this.#waiting.delete(data.id)
    if ('fault' in data) waiting?.reject(errorOf(data.fault))
    else waiting?.resolve(data.answer as never)
  }

  #fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error)
    this.#waiting.clear()
  }
}
