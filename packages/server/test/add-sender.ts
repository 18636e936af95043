import { randomUUID } from 'node:crypto'
import { hashSecret } from '../src/identity/secrets.ts'
import type { Database } from '../src/store/schema.ts'

/** Enters sender 1 of a new member into a new store; the credential is the token too. */
export async function addSender(store: Database, token: string): Promise<void> {
  const id = randomUUID()
  const member = { id, email: 'a@plant.example', name: 'a', password: '', created_at: 0, failed_tries: 0 }
  await store
    .insertInto('members')
    .values({ ...member, locked_until: 0 })
    .execute()
  await store
    .insertInto('senders')
    .values({
      member_id: id,
      member_name: 'a',
      name: 'a',
      algorithm: 'ES256',
      public_key: new Uint8Array(33),
      token_hash: hashSecret(token),
      broker_hash: hashSecret(token),
      created_at: 0,
      revoked_at: null,
    })
    .execute()
}
