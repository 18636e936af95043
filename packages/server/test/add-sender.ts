import { insertMember } from '../src/administration/members.ts'
import { hashSecret } from '../src/identity/secrets.ts'
import type { Database, DatabaseTransaction } from '../src/store/schema.ts'

/** Enters sender 1 of a new member into a new store; the credential is the token too. */
export async function addSender(store: Database, token: string): Promise<void> {
  await insertMember(store as DatabaseTransaction, { signInName: 'a@plant.example', name: 'a', password: '', now: 0 })
  const { id } = await store.selectFrom('members').select('id').executeTakeFirstOrThrow()
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
      broker_password_wrapped: null,
      created_at: 0,
      revoked_at: null,
      last_seen_at: null,
      last_address: null,
      version: null,
    })
    .execute()
}
