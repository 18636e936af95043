import { applyChange, memberTarget } from '../administration/change.ts'
import { findMember } from '../administration/members.ts'
import { removeMember, whatEnds } from '../administration/revocation.ts'
import { recorded } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import * as texts from '../mail/mail-texts.ts'
import type { IdentityContext } from './identity-context.ts'
import { type Addressee, admitCodeTry, admitRequest, tell, tryMailedCode } from './mailed-codes.ts'
import { newDigits, storeCode } from './one-time-codes.ts'
import { checkOwnPassword } from './password-reset.ts'
import { checkSignInName, hasMailbox } from './sign-in-name.ts'

/**
 * Mails a code to a new address; the account keeps the old one until the code comes back.
 * @throws AuthorityError `wrong-credentials`, `bad-request`, `too-many-tries`
 */
export async function askEmailChange(
  context: IdentityContext,
  member: Addressee,
  { email, password }: { email: string; password: string },
): Promise<void> {
  const { codes, settings, about, mail } = context
  await checkOwnPassword(context, member.id, password)
  const address = checkSignInName(email)
  if (!hasMailbox(address)) throw new AuthorityError('bad-request', `${address} is no email address. Correct it.`)
  await admitRequest(context, 'email-change', member.signInName)
  const code = newDigits()
  const now = context.now()
  const expiresAt = now + settings.codeTime
  await recorded(context, async (transaction, record) => {
    const on = { kind: 'address', id: null, name: address } as const
    const taken = await transaction.selectFrom('members').select('id').where('email', '=', address).executeTakeFirst()
    if (taken) {
      // Answered alike; no code was sent.
      record({
        action: 'code.send',
        result: 'refused',
        code: 'name-taken',
        on,
        detail: { purpose: 'email-change', way: 'mail' },
      })
      await tell(context, transaction, address, texts.signUpAttempted(about))
      return
    }
    record({ action: 'code.send', on, detail: { purpose: 'email-change', way: 'mail', expiresAt } })
    await storeCode(transaction, codes, {
      member: member.id,
      purpose: 'email-change',
      code,
      now,
      expiresAt,
      detail: address,
    })
    const text = texts.emailChangeCode({ ...about, code, minutes: settings.codeTime / 60_000 })
    await mail.enqueue(transaction, { to: address, ...text, expiresAt })
  })
  mail.wake()
}

/** Takes the code from the new address. @throws AuthorityError `wrong-code`, `name-taken`, `too-many-tries` */
export async function confirmEmailChange(context: IdentityContext, member: Addressee, code: string): Promise<void> {
  const { about, mail } = context
  const tried = await admitCodeTry(context, 'email-change', member.signInName)
  const right = await tryMailedCode(context, member.id, 'email-change', code)
  const address = right?.detail
  if (!address) throw wrongCode()
  // A change like those that make members: of two that take one address at once, the second sees the first.
  await applyChange(context.changes, async ({ transaction, record }) => {
    if (!(await right.use(transaction))) throw wrongCode()
    const other = await transaction.selectFrom('members').select('id').where('email', '=', address).executeTakeFirst()
    if (other) throw new AuthorityError('name-taken', `There is a member ${address} already.`)
    record({
      action: 'address.change',
      on: memberTarget({ id: member.id, email: address }),
      detail: { before: member.signInName, after: address },
    })
    await transaction
      .updateTable('members')
      .set({ email: address, address_proved_at: context.now() })
      .where('id', '=', member.id)
      .execute()
    await tell(context, transaction, member.signInName, texts.emailChanged({ ...about, email: address }))
  })
  await tried.succeeded()
  mail.wake()
}

const wrongCode = () =>
  new AuthorityError('wrong-code', 'The code is wrong, was used already, or has expired. Ask for a new one.')

/** Removes the account of somebody who is signed in. @throws AuthorityError `wrong-credentials`, `last-administrator` */
export async function deleteOwnAccount(context: IdentityContext, member: Addressee, password: string): Promise<void> {
  await checkOwnPassword(context, member.id, password)
  await applyChange(context.changes, async (change) => {
    // Somebody else may have removed it meanwhile.
    await findMember(change.transaction, member.id)
    change.record({
      action: 'member.remove',
      on: memberTarget({ id: member.id, email: member.signInName }),
      detail: { ...(await whatEnds(change.transaction, member.id)), own: true },
    })
    await removeMember(change, member.id)
    await tell(context, change.transaction, member.signInName, texts.accountDeleted(context.about))
  })
  context.mail.wake()
}
