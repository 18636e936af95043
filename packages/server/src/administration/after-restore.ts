import type { Database } from '../store/schema.ts'
import { applyChange, type ChangeContext } from './change.ts'

/** Epochs that were started after the backup, many in a second even, have lower numbers than those of the restore, ms. */
const ahead = 24 * 3_600_000

/**
 * What the first start after a restore must do: whoever was removed after the backup holds keys of its epochs and may hold
 * a session, so every channel gets a new epoch and every session ends.
 * @returns whether there was a restore
 */
export async function finishRestore(store: Database, context: ChangeContext): Promise<boolean> {
  const { restored_at } = await store.selectFrom('deployment').select('restored_at').executeTakeFirstOrThrow()
  if (restored_at === null) return false
  await applyChange(context, async (change) => {
    change.record({ action: 'authority.restore', detail: { restoredAt: restored_at } })
    const channels = await change.transaction.selectFrom('channels').select('id').execute()
    await change.rotate(
      channels.map(({ id }) => id),
      {},
      ahead,
    )
    await change.touchDirectory()
    await change.transaction.deleteFrom('sessions').execute()
    await change.transaction.updateTable('deployment').set({ restored_at: null }).execute()
  })
  return true
}
