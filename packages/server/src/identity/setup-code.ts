import { randomInt, timingSafeEqual } from 'node:crypto'
import { AuthorityError } from '../authority-error.ts'
import type { Database, DatabaseTransaction } from '../store/schema.ts'
import { hashSecret } from './secrets.ts'

// No letters or digits that look alike. 20 of 32 characters are 100 bits.
const alphabet = '23456789ABCDEFGHJKLMNPQRSTUVWXYZ'

/** A new code while there is no member, replacing the one of the start before; else null. */
export async function renewSetupCode(store: Database): Promise<string | null> {
  if (await store.selectFrom('members').select('id').limit(1).executeTakeFirst()) {
    await store.updateTable('deployment').set({ setup_code_hash: null }).execute()
    return null
  }
  const characters = Array.from({ length: 20 }, () => alphabet[randomInt(alphabet.length)]!)
  const code = characters.join('').replaceAll(/(.{5})(?=.)/g, '$1-')
  await store
    .updateTable('deployment')
    .set({ setup_code_hash: hashSecret(normal(code)) })
    .execute()
  return code
}

/**
 * Refuses a wrong code without taking it, before anything costly is done for whoever sent it.
 * @throws AuthorityError `setup-done`, `wrong-setup-code`
 */
export async function checkSetupCode(store: Database, code: string): Promise<Uint8Array> {
  const { setup_code_hash: hash } = await store
    .selectFrom('deployment')
    .select('setup_code_hash')
    .executeTakeFirstOrThrow()
  if (!hash)
    throw new AuthorityError(
      'setup-done',
      'The first administrator exists. Sign in, or ask an administrator for an account.',
    )
  if (!timingSafeEqual(hash, hashSecret(normal(code)))) {
    throw new AuthorityError('wrong-setup-code', 'The setup code is wrong. It is printed when the authority starts.')
  }
  return hash
}

/**
 * Takes the code, once: of several that come at the same time one finds it still there.
 * @throws AuthorityError `setup-done`, `wrong-setup-code`
 */
export async function takeSetupCode(transaction: DatabaseTransaction, code: string): Promise<void> {
  const hash = await checkSetupCode(transaction, code)
  const { numUpdatedRows } = await transaction
    .updateTable('deployment')
    .set({ setup_code_hash: null })
    .where('setup_code_hash', '=', hash)
    .executeTakeFirstOrThrow()
  if (numUpdatedRows === 0n) throw new AuthorityError('setup-done', 'The first administrator exists. Sign in.')
}

const normal = (code: string) => code.toUpperCase().replaceAll(/[^0-9A-Z]/g, '')
