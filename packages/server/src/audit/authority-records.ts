import type { AuditValue } from '@sealmq/audit-log'
import { difference } from '../administration/change.ts'
import { StartError } from '../authority-error.ts'
import type { DatabaseTransaction } from '../store/schema.ts'
import { isDiskFull } from '../store/store-failure.ts'
import { type RecordingContext, recordAlone, recorded } from './recording.ts'

/** What the authority is started with, nothing of it secret. */
export type ServeSettings = { readonly [name: string]: AuditValue }

/**
 * Records that the authority starts, whether the time before ended without a stop, and which settings are others than then.
 * @returns the settings of the start before
 * @throws StartError `disk-full`
 */
export async function recordStart(
  context: RecordingContext,
  { version, engine, settings }: { version: string; engine: 'sqlite' | 'postgres'; settings: ServeSettings },
): Promise<ServeSettings> {
  const start = recorded(context, async (transaction, record) => {
    const stored = await transaction.selectFrom('audit_log').select('settings').executeTakeFirstOrThrow()
    const afterCrash = (await endedWithoutStop(transaction)) ? { afterCrash: true } : {}
    record({ action: 'authority.start', detail: { version, engine, settings, ...afterCrash } })
    if (stored.settings === null) {
      await keep(transaction, settings)
      return {}
    }
    const before = JSON.parse(stored.settings) as ServeSettings
    const names = [...new Set([...Object.keys(before), ...Object.keys(settings)])]
    const whole = (some: ServeSettings) => Object.fromEntries(names.map((name) => [name, some[name] ?? null]))
    const changed = difference(whole(before), whole(settings))
    if (Object.keys(changed).length > 0) record({ action: 'authority.configure', detail: changed })
    await keep(transaction, settings)
    return before
  })
  return start.catch((error: Error) => {
    if (!isDiskFull(error)) throw error
    throw new StartError('disk-full', 'The disk of the store is full: the start cannot be recorded. Make room first.')
  })
}

/** Records that the authority stops. @param failed it could not start after all */
export const recordStop = (context: RecordingContext, { failed }: { failed: boolean }): Promise<void> =>
  recordAlone(context, { action: 'authority.stop', detail: failed ? { startFailed: true } : {} })

// A restored store is one that was running when the backup was made.
async function endedWithoutStop(transaction: DatabaseTransaction): Promise<boolean> {
  const { restored_at } = await transaction.selectFrom('deployment').select('restored_at').executeTakeFirstOrThrow()
  const last = await transaction
    .selectFrom('audit_records')
    .select('action')
    .where('action', 'in', ['authority.start', 'authority.stop'])
    .orderBy('position', 'desc')
    .limit(1)
    .executeTakeFirst()
  return restored_at === null && last?.action === 'authority.start'
}

async function keep(transaction: DatabaseTransaction, settings: ServeSettings): Promise<void> {
  await transaction
    .updateTable('audit_log')
    .set({ settings: JSON.stringify(settings) })
    .execute()
}
