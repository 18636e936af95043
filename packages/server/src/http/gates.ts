import type { Me } from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import { me } from '../administration/members.ts'
import { AuthorityError } from '../authority-error.ts'
import { sessionMember, tokenSender } from '../identity/login.ts'
import type { Authority } from './authority.ts'

/** The bearer token of a request. @throws AuthorityError `not-signed-in` */
export function bearerToken(request: FastifyRequest): string {
  const match = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(request.headers.authorization ?? '')
  if (!match) throw notSignedIn()
  return match[1]!
}

/** The signed-in member. @throws AuthorityError `not-signed-in` */
export async function requireSession({ store, now }: Authority, request: FastifyRequest): Promise<Me> {
  const member = await sessionMember(store, bearerToken(request), now())
  if (!member) throw notSignedIn()
  return me(store, member)
}

/** The signed-in administrator. @throws AuthorityError `not-signed-in`, `not-allowed` */
export async function requireAdministrator(authority: Authority, request: FastifyRequest): Promise<Me> {
  const member = await requireSession(authority, request)
  if (!member.administrator) throw new AuthorityError('not-allowed', 'Only an administrator may do this.')
  return member
}

/** The sender whose token this is. @throws AuthorityError `not-signed-in` */
export async function requireSender(
  { store }: Authority,
  request: FastifyRequest,
): Promise<{ sender: number; member: string }> {
  const sender = await tokenSender(store, bearerToken(request))
  if (!sender) throw notSignedIn()
  return sender
}

const notSignedIn = () =>
  new AuthorityError('not-signed-in', 'Not signed in, or the session has ended. Sign in with sealmq login.')
