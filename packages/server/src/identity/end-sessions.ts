import { memberTarget } from '../administration/change.ts'
import { AuthorityError } from '../authority-error.ts'
import { endingSessions } from './ending-sessions.ts'
import type { IdentityContext } from './identity-context.ts'
import { endSession, endSessions, type LivingSession } from './sessions.ts'

/** Ends one of a member's own sessions. @throws AuthorityError `not-found` */
export async function endOwnSession(context: IdentityContext, member: string, id: string): Promise<void> {
  await endingSessions(context, async (transaction, record) => {
    if (!(await endSession(transaction, member, id)))
      throw new AuthorityError('not-found', 'You have no such session. sealmq sessions list shows them.')
    record({ action: 'session.end', on: { kind: 'session', id, name: null } })
  })
}

/** Ends all sessions of a member but the one that asks. */
export async function endOtherSessions(context: IdentityContext, { id, member }: LivingSession): Promise<void> {
  await endingSessions(context, async (transaction, record) => {
    await endSessions(transaction, member, id)
    record({
      action: 'session.end',
      on: memberTarget({ id: member, email: context.by.actor.name ?? '' }),
      detail: { which: 'all others' },
    })
  })
}

/** Ends all sessions of a member, for an administrator. */
export async function endMemberSessions(
  context: IdentityContext,
  member: { id: string; email: string },
): Promise<void> {
  await endingSessions(context, async (transaction, record) => {
    await endSessions(transaction, member.id)
    record({ action: 'session.end', on: memberTarget(member), detail: { which: 'all' } })
  })
}
