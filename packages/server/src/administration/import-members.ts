import type { ImportedMember, MembersImport } from '@sealmq/protocol/api'
import { AuthorityError } from '../authority-error.ts'
import type { IdentityContext } from '../identity/identity-context.ts'
import { isImportedHash } from '../identity/passwords.ts'
import { checkSignInName, hasMailbox } from '../identity/sign-in-name.ts'
import { handCode } from './approvals.ts'
import { applyChange, type Change, memberTarget } from './change.ts'
import { insertMember } from './members.ts'

/** The original's cost. A higher one would hold up others, and be told by the time it takes. */
const highestCost = 12

/**
 * Takes over people of the original system's user file. Passwords hashed with bcrypt are taken, and hashed anew at the
 * first sign-in; unsalted SHA-256 ones are not, and those people get a one-time code. Roles become requests. Who exists
 * already is left alone, so that a second import changes nothing.
 */
export async function importMembers(context: IdentityContext, request: MembersImport): Promise<ImportedMember[]> {
  const report = await applyChange(context.changes, async (change) => {
    const lines: ImportedMember[] = []
    for (const [user, entry] of Object.entries(request.users)) {
      const email = request.emails?.[user] ?? null
      lines.push(await importMember(context, change, { user, email, ...entry }, request.dryRun === true))
    }
    const outcomes = Map.groupBy(lines, ({ outcome }) => outcome)
    change.record({
      action: 'member.import',
      detail: {
        dryRun: request.dryRun === true,
        ...Object.fromEntries([...outcomes].map(([outcome, { length }]) => [outcome, length])),
      },
    })
    return lines
  })
  context.mail.wake()
  return report
}

async function importMember(
  context: IdentityContext,
  change: Change,
  { user, email, password, role }: { user: string; email: string | null; password: string; role: string },
  dryRun: boolean,
): Promise<ImportedMember> {
  const { transaction, now } = change
  const line = { user, email, requestedRole: null, reason: null, code: null }
  const name = readName(email ?? user)
  if (name === null || (email !== null && !hasMailbox(name))) {
    return { ...line, outcome: 'refused', reason: `${email ?? user} is neither an email address nor a user name.` }
  }
  const taken = await transaction.selectFrom('members').select('kind').where('email', '=', name).executeTakeFirst()
  if (taken?.kind === 'device') return { ...line, outcome: 'refused', reason: `There is a device ${name}.` }
  if (taken) return { ...line, outcome: 'exists' }
  const requested = await transaction.selectFrom('roles').select('id').where('name', '=', role).executeTakeFirst()
  if (!requested) return { ...line, outcome: 'refused', reason: `There is no role ${role}.` }
  const isUsable = isImportedHash(password) && Number(password.slice(4, 6)) <= highestCost
  const outcome = isUsable ? ('imported' as const) : ('needs-code' as const)
  const reason = isUsable ? null : 'The stored hash is not a bcrypt one that can be taken: a new password is needed.'
  const described = { ...line, outcome, reason, requestedRole: role }
  if (dryRun) return described
  const id = await insertMember(transaction, {
    signInName: name,
    name: user,
    password: isUsable ? password : '',
    now,
    state: 'waiting',
    requestedRole: requested.id,
  })
  change.record({
    action: 'member.import',
    on: memberTarget({ id, email: name }),
    detail: { name: user, outcome, requestedRole: role },
  })
  if (isUsable) return described
  const { code } = await handCode(context, transaction, { id, signInName: name }, change.record)
  return { ...described, code }
}

function readName(text: string): string | null {
  try {
    return checkSignInName(text)
  } catch (error) {
    if (error instanceof AuthorityError) return null
    throw error
  }
}
