/** What one sender may do on one channel now. */
export interface ChannelRights {
  /** Name of the channel. */
  channel: string
  filters: readonly string[]
  publish: boolean
  subscribe: boolean
}

/** An answer and the rule behind it: one sentence for the person who asked. */
export type Decision = { allowed: true; channel: string } | { allowed: false; rule: string }
