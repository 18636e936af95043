import { type AuthorityClient, enrolSender, type Identity, webCryptography } from '@sealmq/client/browser'

/** The sender of this tab. @throws AuthorityError `step-up-required`, `not-signed-in` */
export function tabSender(authority: AuthorityClient, name: string): Promise<Identity> {
  return enrolSender(authority, webCryptography, name)
}
