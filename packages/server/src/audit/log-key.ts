import { importLogKey, type LogKey, makeLogKey } from '@sealmq/audit-log'
import { toHex } from '@sealmq/protocol'
import type { MasterKey } from '../keys/master-key.ts'
import type { Database } from '../store/schema.ts'

const place = 'audit log key'

/** The key that the log's checkpoints are signed with, made at the first start; it is for nothing else. */
export async function loadLogKey(store: Database, masterKey: MasterKey, deployment: Uint8Array): Promise<LogKey> {
  const row = await store.selectFrom('audit_log').selectAll().executeTakeFirst()
  const name = `sealmq/${toHex(deployment)}`
  if (row) return importLogKey(name, masterKey.unwrap(place, row.key_wrapped), new Uint8Array(row.public_key))
  const { privateKey, publicKey } = await makeLogKey()
  await store
    .insertInto('audit_log')
    .values({
      id: 1,
      public_key: publicKey,
      key_wrapped: masterKey.wrap(place, privateKey),
      size: 0,
      edge: new Uint8Array(0),
      last_time: 0,
      settings: null,
    })
    .execute()
  return importLogKey(name, privateKey, publicKey)
}
