import type { EnrolRequest, SenderCreated } from '@sealmq/protocol/api'
import {
  applyChange,
  channelsOfRoles,
  memberTarget,
  rolesOfMember,
  sendersOfMembers,
} from '../administration/change.ts'
import { revokeSenders } from '../administration/revocation.ts'
import { memberActor } from '../audit/actors.ts'
import { AuthorityError } from '../authority-error.ts'
import type { IdentityContext } from './identity-context.ts'
import { type RightCode, tryCode } from './one-time-codes.ts'
import { addSender } from './senders.ts'
import type { Origin } from './sessions.ts'
import { normalSignInName } from './sign-in-name.ts'
import { admitSource, countFailure } from './source-address.ts'

/** Tickets are long and cannot be guessed: strangers' tries must not use them up. */
const ticketTries = 1_000_000

/**
 * Enters a device by its ticket, once. What it was entered with before ends: whoever enrols it anew has its keys made anew.
 * @throws AuthorityError `wrong-code`, `bad-key`, `too-many-tries`
 */
export async function enrolDevice(
  context: IdentityContext,
  request: EnrolRequest,
  origin: Origin,
): Promise<SenderCreated> {
  const { store, codes } = context
  await admitSource(context, origin)
  const device = await store
    .selectFrom('members')
    .select(['id', 'email'])
    .where('kind', '=', 'device')
    .where('email', '=', normalSignInName(request.name))
    .executeTakeFirst()
  // Looked at also when there is no such device, so that both take as long.
  const ticket = { member: device?.id ?? '', purpose: 'ticket' as const, code: request.code }
  const right = await tryCode(store, codes, { ...ticket, now: context.now(), tries: ticketTries })
  try {
    if (!device || !right) throw wrongTicket()
    return await enter(context, device, right, request)
  } catch (error) {
    if (error instanceof AuthorityError && error.code === 'wrong-code') await countFailure(context, origin)
    throw error
  }
}

async function enter(
  context: IdentityContext,
  device: { id: string; email: string },
  ticket: RightCode,
  { algorithm, publicKey, version }: EnrolRequest,
): Promise<SenderCreated> {
  const by = { ...context.by, actor: await memberActor(context.store, device.id) }
  return applyChange({ ...context.changes, by }, async (change) => {
    const { transaction, now } = change
    // A ticket ends when its device is disabled or removed: what it is good for is decided here alone.
    if (!(await ticket.use(transaction))) throw wrongTicket()
    change.record({ action: 'code.use', on: memberTarget(device), detail: { purpose: 'ticket' } })
    const before = await sendersOfMembers(transaction, [device.id])
    for (const sender of before) {
      change.record({
        action: 'sender.remove',
        on: { kind: 'sender', id: String(sender), name: device.email },
        detail: { member: device.id },
      })
    }
    await revokeSenders(change, before)
    if (before.length > 0) {
      await change.rotate(await channelsOfRoles(transaction, await rolesOfMember(transaction, device.id)))
    }
    await change.touchDirectory()
    const { id, email: name } = device
    const installation = { name, algorithm, publicKey }
    const means = { now, masterKey: context.masterKey }
    const added = await addSender(transaction, { id, name }, installation, means, version ?? null)
    await change.tellBroker('refresh-sender', [added.sender])
    change.record({
      action: 'sender.add',
      on: { kind: 'sender', id: String(added.sender), name },
      detail: { algorithm, publicKey },
    })
    return added
  })
}

const wrongTicket = () =>
  new AuthorityError(
    'wrong-code',
    'The ticket is wrong, was used already, or has expired. Ask for a new one: sealmq devices ticket NAME.',
  )
