import type { AuthorityClient } from '@sealmq/client'
import { readSession } from './credentials-file.ts'
import { authorityOptions } from './open-authority.ts'
import { SteppingAuthority } from './step-up.ts'

/** The authority with the session of whoever signed in here. @param timeout of a request, ms; as the client's when left out */
export async function signedInAuthority(timeout?: number): Promise<AuthorityClient> {
  const { server, ca, session } = await readSession()
  const options = authorityOptions(server, ca, session.token)
  return new SteppingAuthority(timeout === undefined ? options : { ...options, timeout })
}
