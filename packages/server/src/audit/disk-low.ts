import type { IdentityContext } from '../identity/identity-context.ts'
import { tell } from '../identity/mailed-codes.ts'
import { diskLow } from '../mail/mail-texts.ts'
import type { DiskSpace } from './disk-space.ts'
import { recorded } from './recording.ts'

/** Records that the disk has little room left, and mails it to the administrators that have a mailbox. */
export async function tellDiskLow(
  context: Pick<IdentityContext, 'store' | 'by' | 'now' | 'mail' | 'about' | 'appendFailed'>,
  { free, total }: DiskSpace,
): Promise<void> {
  await recorded(context, async (transaction, record) => {
    record({ action: 'authority.disk-low', detail: { freeBytes: free, totalBytes: total } })
    const administrators = await transaction
      .selectFrom('members')
      .innerJoin('member_roles', 'member_roles.member_id', 'members.id')
      .innerJoin('roles', 'roles.id', 'member_roles.role_id')
      .select('email')
      .distinct()
      .where('administrator', '=', 1)
      .where('locked_at', 'is', null)
      .where('state', '=', 'active')
      .execute()
    for (const { email } of administrators) {
      await tell(context, transaction, email, diskLow({ ...context.about, freeMebibytes: Math.floor(free / 2 ** 20) }))
    }
  })
  context.mail.wake()
}
