import type { AuthorityClient } from '@sealmq/client'
import { readCredentials } from './credentials-file.ts'
import { authorityOptions } from './open-authority.ts'
import { SteppingAuthority } from './step-up.ts'

/** The authority with the session of whoever signed in here. */
export async function signedInAuthority(): Promise<AuthorityClient> {
  const { server, ca, session } = await readCredentials()
  return new SteppingAuthority(authorityOptions(server, ca, session.token))
}
