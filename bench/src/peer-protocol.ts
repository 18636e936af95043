import type { PeerSettings, Qos } from './variants.ts'

/** What the bench tells a peer process. Rates are messages/s, times ms, sizes bytes. */
export type Order =
  | { order: 'connect'; role: 'publisher' | 'subscriber'; settings: PeerSettings }
  | { order: 'subscribe'; qos: Qos }
  /** Publishes for so long as fast as it can, or at the rate. */
  | { order: 'publish'; qos: Qos; size: number; duration: number; rate: number | null }
  /** How many the subscriber has received so far. */
  | { order: 'progress'; received: number }
  /** How many were sent in all. */
  | { order: 'finish'; sent: number }
  | { order: 'end' }

/** What a peer process tells the bench. */
export type Report =
  | { report: 'done' }
  | { report: 'published'; sent: number; cpu: number }
  | { report: 'progress'; received: number }
  | { report: 'received'; received: number; rate: number; p50: number; p99: number; carried: number; cpu: number }
  | { report: 'failed'; message: string }
