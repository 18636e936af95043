import { AuthorityClient } from '@sealmq/client'
import { fetchWithCa } from '@sealmq/client/node'
import { readCredentials } from './credentials-file.ts'

/** The authority with the session of whoever signed in here. */
export async function signedInAuthority(): Promise<AuthorityClient> {
  const { session, identity } = await readCredentials()
  const fetch = identity.ca === null ? undefined : fetchWithCa(identity.ca)
  return new AuthorityClient({ url: identity.authority, token: session.token, fetch })
}
