/** What may be published of a channel: all of it, nothing, or only topics that one of these filters matches. */
export type PublishRight = boolean | readonly string[]

/** What one sender may do on one channel now. */
export interface ChannelRights {
  /** Name of the channel. */
  channel: string
  filters: readonly string[]
  publish: PublishRight
  subscribe: boolean
}

/** An answer and the rule behind it: one sentence for the person who asked. */
export type Decision = { allowed: true; channel: string } | { allowed: false; rule: string }
