import { type AuthorityClient, enrolSessionSender, type HeldIdentity, webCryptography } from '@sealmq/client/browser'

/**
 * The sender of this tab: its key cannot be taken out, and it ends with the session.
 * @throws AuthorityError `not-signed-in`, `too-many-tries`
 */
export function tabSender(authority: AuthorityClient, name: string): Promise<HeldIdentity> {
  return enrolSessionSender(authority, webCryptography, name)
}
