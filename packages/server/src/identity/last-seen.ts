import type { Database } from '../store/schema.ts'
import type { KnownSender } from './senders.ts'
import type { Origin } from './sessions.ts'

/** Not more often than that, ms: keys are asked for by everybody at once when something changes. */
const interval = 60_000

/** Keeps when, from where and with which program a sender asked, at most once a minute. */
export async function noteSeen(
  { store, now: clock }: { store: Database; now: () => number },
  { sender, lastSeenAt }: KnownSender,
  { address, client }: Origin,
): Promise<void> {
  const now = clock()
  // A time ahead of the clock was kept before the clock went back.
  if (lastSeenAt !== null && now >= lastSeenAt && now - lastSeenAt < interval) return
  const version = /^sealmq\/([\w.+-]{1,100})(?: |$)/.exec(client)?.[1]
  await store
    .updateTable('senders')
    .set({ last_seen_at: now, last_address: address, ...(version === undefined ? {} : { version }) })
    .where('sender', '=', sender)
    // Of several that ask at the same time, one writes.
    .where('last_seen_at', lastSeenAt === null ? 'is' : '=', lastSeenAt)
    .execute()
}
