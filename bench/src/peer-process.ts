import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Order, Report } from './peer-protocol.ts'
import type { PeerSettings } from './variants.ts'

const script = fileURLToPath(new URL('./peer.ts', import.meta.url))

/** A publisher or subscriber in a process of its own. */
export class PeerProcess {
  readonly #child: ChildProcess
  readonly #failed = Promise.withResolvers<never>()
  #progress: (received: number) => void = () => {}
  #waiting: ((report: Report) => void) | null = null

  private constructor() {
    this.#child = fork(script, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    this.#failed.promise.catch(() => {})
    this.#child.on('message', (report: Report) => {
      if (report.report === 'progress') this.#progress(report.received)
      else if (report.report === 'failed') this.#failed.reject(new Error(report.message))
      else this.#waiting?.(report)
    })
    this.#child.on('exit', (code) => this.#failed.reject(new Error(`a peer ended with ${code}`)))
  }

  static async connect(role: 'publisher' | 'subscriber', settings: PeerSettings): Promise<PeerProcess> {
    const peer = new PeerProcess()
    await peer.#ask({ order: 'connect', role, settings }, 'done')
    return peer
  }

  /** Runs once: subscribes, publishes, waits until everything has arrived. */
  static async run(
    publisher: PeerProcess,
    subscriber: PeerProcess,
    how: Omit<Extract<Order, { order: 'publish' }>, 'order'>,
  ) {
    subscriber.#progress = (received) => publisher.#child.send({ order: 'progress', received } satisfies Order)
    await subscriber.#ask({ order: 'subscribe', qos: how.qos }, 'done')
    const published = await publisher.#ask({ order: 'publish', ...how }, 'published')
    const received = await subscriber.#ask({ order: 'finish', sent: published.sent }, 'received')
    const { rate, p50, p99, carried } = received
    const { sent } = published
    return { sent, rate, p50, p99, carried, publisherCpu: published.cpu / sent, subscriberCpu: received.cpu / sent }
  }

  end(): void {
    this.#child.removeAllListeners('exit')
    if (this.#child.connected) this.#child.send({ order: 'end' } satisfies Order)
    else this.#child.kill()
  }

  async #ask<K extends Report['report']>(order: Order, answer: K): Promise<Extract<Report, { report: K }>> {
    const answered = new Promise<Report>((resolve) => {
      this.#waiting = resolve
    })
    this.#child.send(order)
    const report = await Promise.race([answered, this.#failed.promise])
    if (report.report !== answer) throw new Error(`${answer} was expected, ${report.report} came`)
    return report as Extract<Report, { report: K }>
  }
}

/** What one run gave. Rates messages/s, latencies ms, bytes, CPU µs a message. */
export type RunResult = Awaited<ReturnType<typeof PeerProcess.run>>
