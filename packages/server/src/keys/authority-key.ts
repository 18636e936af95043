import { timingSafeEqual } from 'node:crypto'
import type { SigningKey } from '@sealmq/protocol'
import { nodeCryptography } from '@sealmq/protocol/node'
import { StartError } from '../authority-error.ts'
import type { Database } from '../store/schema.ts'
import type { MasterKey } from './master-key.ts'

const place = 'authority key'

/** The deployment's identity: its id and the key that it signs manifests and directory with. */
export interface DeploymentIdentity {
  /** 16 bytes. */
  deployment: Uint8Array
  name: string
  signingKey: SigningKey
}

/** Whether the store was never started before. */
export async function storeIsNew(store: Database): Promise<boolean> {
  return !(await store.selectFrom('deployment').select('id').executeTakeFirst())
}

/** The latest time, ms, that the store tells of; 0 when it is new. */
export async function newestTime(store: Database): Promise<number> {
  const epoch = await store
    .selectFrom('epochs')
    .select((eb) => eb.fn.max('started_at').as('newest'))
    .executeTakeFirst()
  const session = await store
    .selectFrom('sessions')
    .select((eb) => eb.fn.max('created_at').as('newest'))
    .executeTakeFirst()
  return Math.max(epoch?.newest ?? 0, session?.newest ?? 0)
}

/** Reads the deployment's identity, or makes it in a new store. @throws StartError `master-key-damaged` */
export async function loadDeployment(
  store: Database,
  masterKey: MasterKey,
  name: string | null,
): Promise<DeploymentIdentity> {
  const row = await store.selectFrom('deployment').selectAll().executeTakeFirst()
  if (!row) return createDeployment(store, masterKey, name ?? 'SealMQ')
  if (!timingSafeEqual(row.master_key_check, masterKey.check)) {
    throw new StartError(
      'master-key-damaged',
      'The master key is not the one of this store. Put the right one back, or name the right --data folder or --store.',
    )
  }
  if (name !== null && name !== row.name) await store.updateTable('deployment').set({ name }).execute()
  const pkcs8 = masterKey.unwrap(place, row.authority_key_wrapped)
  const signingKey = await nodeCryptography.importSigningKey('ES256', pkcs8)
  return { deployment: new Uint8Array(row.deployment), name: name ?? row.name, signingKey }
}

async function createDeployment(store: Database, masterKey: MasterKey, name: string): Promise<DeploymentIdentity> {
  const deployment = nodeCryptography.randomBytes(16)
  const signingKey = await nodeCryptography.generateSigningKey('ES256')
  const pkcs8 = await nodeCryptography.exportSigningKey(signingKey)
  await store
    .insertInto('deployment')
    .values({
      id: 1,
      deployment,
      name,
      revision: 0,
      directory_number: 0,
      authority_public_key: signingKey.publicKey,
      authority_key_wrapped: masterKey.wrap(place, pkcs8),
      master_key_check: masterKey.check,
      setup_code_hash: null,
      restored_at: null,
    })
    .execute()
  return { deployment, name, signingKey }
}
