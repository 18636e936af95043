import type { AuditActor, AuditOrigin } from '@sealmq/audit-log'
import type { CodeHasher } from '../identity/code-hash.ts'
import type { Database } from '../store/schema.ts'

/** What the authority does by itself. */
export const system: AuditOrigin = {
  actor: { kind: 'system', member: null, sender: null, name: null, roles: [] },
  address: null,
  request: null,
}

/** A member as it is now, with its roles; for what somebody does who is not signed in yet. */
export async function memberActor(store: Database, id: string): Promise<AuditActor> {
  const member = await store.selectFrom('members').select('email').where('id', '=', id).executeTakeFirst()
  const roles = await store
    .selectFrom('member_roles')
    .innerJoin('roles', 'roles.id', 'member_roles.role_id')
    .select('name')
    .where('member_id', '=', id)
    .orderBy('name')
    .execute()
  return {
    kind: 'member',
    member: id,
    sender: null,
    name: member?.email ?? null,
    roles: roles.map(({ name }) => name),
  }
}

/** Somebody who is not signed in. @param name what they say they are called, when it is the name of an account */
export const stranger = (name: string | null = null): AuditActor => ({
  kind: 'stranger',
  member: null,
  sender: null,
  name,
  roles: [],
})

/** A name that no account has, so that it is told from others and not read: people type passwords there. */
export const fingerprint = (codes: CodeHasher, name: string): string => `unknown:${codes.name(name).slice(0, 16)}`
