import type { AuthorityClient } from '@sealmq/client'
import { fromBase64url, writeTicket } from '@sealmq/protocol'
import type { DeviceTicket } from '@sealmq/protocol/api'
import { readSession } from './credentials-file.ts'
import { fingerprint, firstCertificate } from './device-ticket.ts'
import { CommandError, exitCodes } from './exit-codes.ts'
import { readServerUrl } from './open-authority.ts'

/**
 * What turns the authority's codes into tickets that say whom to trust: the key that was pinned at the sign-in here.
 * @param server the authority as devices reach it; the one of the session when it is left out
 * @throws CommandError `other-authority`
 */
export async function ticketMaker(
  authority: AuthorityClient,
  server: string | undefined,
): Promise<(made: DeviceTicket) => string> {
  const { ca, identity, ...session } = await readSession()
  const { authorityKey } = await authority.deployment()
  if (identity !== null && identity.authorityKey !== authorityKey) {
    throw new CommandError(
      'other-authority',
      'The authority shows another key than at your sign-in. Another deployment answers at this address: ask who did that, then sign in again.',
      exitCodes.authorityUnreachable,
    )
  }
  const trusted = {
    server: server === undefined ? session.server : readServerUrl(server),
    authorityKey: fingerprint(fromBase64url(authorityKey)),
    ca: ca === null ? null : fingerprint(firstCertificate(ca).raw),
  }
  return ({ name, code }) => writeTicket({ ...trusted, device: name, code })
}
