import { AuthorityError } from '../authority-error.ts'
import type { IdentityContext } from './identity-context.ts'
import type { Origin } from './sessions.ts'
import { addressGroup } from './sign-in-name.ts'
import { countTry, lockedUntil } from './tries.ts'

const key = ({ address }: Origin) => `failures from ${addressGroup(address)}`

const limits = ({ settings }: IdentityContext) => ({
  allowed: settings.addressTries,
  lock: settings.addressLockTime,
  longestLock: settings.longestLock,
})

/**
 * Refuses a source address that failed too often. Looked at before and counted after: what is under way at the same time
 * from one address is no failure.
 * @throws AuthorityError `too-many-tries`
 */
export async function admitSource(context: IdentityContext, origin: Origin): Promise<void> {
  const now = context.now()
  const until = await lockedUntil(context.store, key(origin), limits(context), now)
  if (until === null) return
  const seconds = Math.ceil((until - now) / 1000)
  throw new AuthorityError(
    'too-many-tries',
    `Too many failed tries from this address. Wait ${seconds} s and try again.`,
    { retryAfter: seconds },
  )
}

/** Counts a failed sign-in or code. */
export async function countFailure(context: IdentityContext, origin: Origin): Promise<void> {
  await countTry(context.store, key(origin), limits(context), context.now())
}
