import { Worker } from 'node:worker_threads'
import type { MessageDirectory, PublicDirectory } from './message-directory.ts'
import type { CheckedMessage } from './public-check.ts'

/** What the worker is told, in order. */
export type CheckRequest =
  | { ask: 'learn'; directory: PublicDirectory }
  | {
      ask: 'check'
      id: number
      messages: { channel: string; topic: string; length: number }[]
      /** The envelopes, one after the other. */
      bytes: Uint8Array
    }
export interface CheckAnswer {
  id: number
  checked: CheckedMessage[]
}

/** A message that waits for its check. Its payload does not change meanwhile. */
export interface UncheckedMessage {
  channel: { id: string }
  topic: string
  payload: Uint8Array
}

// In the source tree and in the built one the worker stands beside this file, under that tree's ending.
const workerUrl = new URL(`./check-worker${import.meta.url.slice(-3)}`, import.meta.url)

interface Batch {
  messages: readonly UncheckedMessage[]
  directory: MessageDirectory
  isRetry: boolean
  resolve: (checked: CheckedMessage[]) => void
  reject: (error: Error) => void
}

/** Starts a worker. @param deployment 16 bytes */
export const startCheckWorker = (deployment: Uint8Array): Worker => new Worker(workerUrl, { workerData: deployment })

/** Has messages checked by a worker, in the order in which they come. It is started with the first batch. */
export class MessageChecker {
  readonly #startWorker: () => Worker
  readonly #waiting = new Map<number, Batch>()
  #worker: Worker | null = null
  /** The directory that the worker has learned last. */
  #learned: MessageDirectory | null = null
  #lastId = 0

  constructor(startWorker: () => Worker) {
    this.#startWorker = startWorker
  }

  /** Rejects when the worker dies of this batch twice. */
  check(messages: readonly UncheckedMessage[], directory: MessageDirectory): Promise<CheckedMessage[]> {
    return new Promise((resolve, reject) => this.#ask({ messages, directory, isRetry: false, resolve, reject }))
  }

  async stop(): Promise<void> {
    await this.#worker?.terminate()
  }

  #ask(batch: Batch): void {
    this.#worker ??= this.#start()
    const worker = this.#worker
    if (this.#learned !== batch.directory) {
      this.#learned = batch.directory
      worker.postMessage({ ask: 'learn', directory: batch.directory.publicPart() } satisfies CheckRequest)
    }
    const id = ++this.#lastId
    this.#waiting.set(id, batch)
    worker.ref()
    const bytes = joined(batch.messages.map(({ payload }) => payload))
    const messages = batch.messages.map(({ channel, topic, payload }) => ({
      channel: channel.id,
      topic,
      length: payload.length,
    }))
    worker.postMessage({ ask: 'check', id, messages, bytes } satisfies CheckRequest, [bytes.buffer])
  }

  #start(): Worker {
    const worker = this.#startWorker()
    worker.on('message', ({ id, checked }: CheckAnswer) => {
      const batch = this.#waiting.get(id)
      this.#waiting.delete(id)
      // A process that has nothing else to do ends.
      if (this.#waiting.size === 0) worker.unref()
      batch?.resolve(checked)
    })
    // Both are told of an end by an error: only the first counts.
    const ended = () => {
      if (this.#worker !== worker) return
      this.#worker = null
      this.#learned = null
      const batches = [...this.#waiting.values()]
      this.#waiting.clear()
      for (const batch of batches) {
        if (batch.isRetry) batch.reject(new Error('the check of messages ended'))
        else this.#ask({ ...batch, isRetry: true })
      }
    }
    worker.on('error', ended).on('exit', ended)
    return worker
  }
}

// A buffer of its own, to be handed over and not copied again.
function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
