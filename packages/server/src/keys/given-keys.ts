import { type RecordingContext, recorded } from '../audit/recording.ts'
import type { Schema } from '../store/schema.ts'

/** Both engines take at most 32,766 values in a statement. */
const rowsAtOnce = 1000

/** A key that leaves the authority. */
export interface GivenKey {
  /** Id of the channel. */
  channel: string
  /** Of the channel. */
  name: string
  epoch: number
  /** That of the epoch, which opens; or the sender's own, which seals only. */
  key: 'epoch' | 'sender'
}

/**
 * Records which keys a sender is given for the first time: who could read. Nothing is written when it had them all.
 * Nothing but SQL is awaited inside.
 */
export async function recordGivenKeys(
  context: RecordingContext,
  sender: number,
  keys: readonly GivenKey[],
): Promise<void> {
  const held = await context.store.selectFrom('given_epochs').selectAll().where('sender', '=', sender).execute()
  const known = new Set(held.map(nameOf))
  const fresh = keys.filter(({ channel, ...given }) => !known.has(nameOf({ channel_id: channel, ...given })))
  if (fresh.length === 0) return
  await recorded(context, async (transaction, record) => {
    // In one order, so that two that ask at once wait for one another and not each for the other.
    const rows = fresh
      .map(({ channel, epoch, key }) => ({ sender, channel_id: channel, epoch, key }))
      .sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1))
    const entered = new Set<string>()
    for (let start = 0; start < rows.length; start += rowsAtOnce) {
      const inserted = await transaction
        .insertInto('given_epochs')
        .values(rows.slice(start, start + rowsAtOnce))
        .onConflict((conflict) => conflict.doNothing())
        .returningAll()
        .execute()
      for (const row of inserted) entered.add(nameOf(row))
    }
    // What another request has entered meanwhile is recorded there.
    const first = fresh.filter(({ channel, ...given }) => entered.has(nameOf({ channel_id: channel, ...given })))
    for (const [channel, given] of Map.groupBy(first, ({ channel }) => channel)) {
      const { name } = given[0]!
      record({
        action: 'keys.fetch',
        on: { kind: 'channel', id: channel, name },
        channel: name,
        detail: { epochs: given.map(({ epoch }) => epoch), key: given[0]!.key },
      })
    }
  })
}

const nameOf = ({ channel_id, epoch, key }: Pick<Schema['given_epochs'], 'channel_id' | 'epoch' | 'key'>) =>
  `${channel_id} ${epoch} ${key}`
