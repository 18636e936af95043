import type { DatabaseTransaction, Schema } from '../store/schema.ts'

/**
 * What each role may do at the broker: its grants, and for a monitor subscribing to every channel. Keys follow grants alone.
 * No row comes twice.
 */
export async function readBrokerGrants(transaction: DatabaseTransaction): Promise<Schema['grants'][]> {
  const granted = await transaction.selectFrom('grants').selectAll().execute()
  const monitored = await transaction
    .selectFrom('roles')
    .innerJoin('channels', (join) => join.onTrue())
    .select(['roles.id as role_id', 'channels.id as channel_id'])
    .where('monitor', '=', 1)
    .execute()
  // A monitor has no grants beside (administration/roles.ts).
  return [...granted, ...monitored.map((row) => ({ ...row, right: 'subscribe' as const, filters: null }))]
}
