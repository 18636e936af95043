import type { AuditActor, AuditOrigin } from '@sealmq/audit-log'
import type { Me } from '@sealmq/protocol/api'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { me } from '../administration/members.ts'
import { memberActor, stranger } from '../audit/actors.ts'
import { AuthorityError } from '../authority-error.ts'
import type { IdentityContext } from '../identity/identity-context.ts'
import { beginNextToken, copied, renewalGrace, shutOutCopies, spentToken } from '../identity/renewal.ts'
import { secondFactorOf } from '../identity/second-factor.ts'
import { type KnownSender, tokenSender } from '../identity/senders.ts'
import { findSession, type LivingSession, type Origin } from '../identity/sessions.ts'
import { isFresh } from '../identity/step-up.ts'
import type { Authority } from './authority.ts'

/** Somebody who is signed in. */
export interface SignedInMember {
  session: LivingSession
  me: Me
  /** As mail and counters know the member. */
  addressee: { id: string; signInName: string }
}

const sessionCookie = 'sealmq_session'
const deviceCookie = 'sealmq_device'
/** How long a browser keeps what makes it a known device, s. */
const deviceCookieTime = 400 * 86_400

/** The bearer token of a request. @throws AuthorityError `not-signed-in` */
export function bearerToken(request: FastifyRequest): string {
  const match = /^Bearer ([A-Za-z0-9_-]{43})$/.exec(request.headers.authorization ?? '')
  if (!match) throw notSignedIn()
  return match[1]!
}

const actors = new WeakMap<FastifyRequest, AuditActor>()

/** Who asks, as the gate that the request has passed found it. */
export const askerOf = (request: FastifyRequest): AuditOrigin => ({
  actor: actors.get(request) ?? stranger(),
  address: request.ip,
  request: request.id,
})

/** What an action of the asker stands on: records say that it was the asker's. */
export const peopleOf = (authority: Authority, request: FastifyRequest): IdentityContext =>
  authority.people(askerOf(request))

/** Whoever has a session, also a limited one. @throws AuthorityError `not-signed-in`, `foreign-origin` */
export async function requireLimited(authority: Authority, request: FastifyRequest): Promise<SignedInMember> {
  const { store, now } = authority
  const session = await findSession(store, sessionToken(authority, request), now())
  if (!session) throw notSignedIn()
  const member = await me(store, session.member)
  const { email: name, roles } = member
  actors.set(request, {
    kind: 'member',
    member: session.member,
    sender: null,
    name,
    roles: roles.map((role) => role.name),
  })
  return { session, me: member, addressee: { id: member.member, signInName: member.email } }
}

/** A member that is approved and has the factor that its roles ask for. @throws AuthorityError `not-approved`, `factor-needed`, … */
export async function requireSession(authority: Authority, request: FastifyRequest): Promise<SignedInMember> {
  const signedIn = await requireLimited(authority, request)
  if (signedIn.me.state === 'waiting')
    throw new AuthorityError('not-approved', 'Your account waits for an administrator. You will hear by mail.')
  if (signedIn.me.state === 'factor-needed') {
    throw new AuthorityError('factor-needed', 'Your role asks for an authenticator app: sealmq factor add totp.')
  }
  return signedIn
}

/** The signed-in administrator; for a change with a fresh factor. @throws AuthorityError `not-allowed`, `step-up-required`, … */
export async function requireAdministrator(authority: Authority, request: FastifyRequest): Promise<SignedInMember> {
  const signedIn = await requireSession(authority, request)
  if (!signedIn.me.administrator) throw new AuthorityError('not-allowed', 'Only an administrator may do this.')
  if (request.method !== 'GET') await requireFresh(authority, signedIn)
  return signedIn
}

/** The signed-in administrator or auditor. @throws AuthorityError `not-allowed`, … */
export async function requireAuditor(authority: Authority, request: FastifyRequest): Promise<SignedInMember> {
  const signedIn = await requireSession(authority, request)
  if (signedIn.me.administrator || signedIn.me.auditor) return signedIn
  throw new AuthorityError('not-allowed', 'Only an auditor or an administrator may do this.')
}

/** Anybody who belongs here: a member with a session, or a sender. @throws AuthorityError `not-signed-in`, … */
export async function requireMember(authority: Authority, request: FastifyRequest): Promise<void> {
  if (!(await senderOf(authority, request))) await requireSession(authority, request)
}

/** That a factor was given a short while ago. @throws AuthorityError `step-up-required` */
export async function requireFresh(
  { settings, now, store }: Authority,
  { session, me }: SignedInMember,
): Promise<void> {
  if (isFresh({ settings, now }, session)) return
  const factor = await secondFactorOf(store, me.member)
  throw new AuthorityError('step-up-required', 'This needs a fresh code. Give one with sealmq step-up, then repeat.', {
    factor: factor === 'none' ? 'password' : factor,
  })
}

/** The sender whose token this is. @throws AuthorityError `not-signed-in` */
export async function requireSender(authority: Authority, request: FastifyRequest): Promise<KnownSender> {
  bearerToken(request)
  const sender = await senderOf(authority, request)
  if (!sender) throw notSignedIn()
  return sender
}

/**
 * The sender whose token a request has, if it has one. Its next token begins with its first use.
 * @throws AuthorityError `credential-renewed`, `credential-copied`
 */
export async function senderOf(authority: Authority, request: FastifyRequest): Promise<KnownSender | null> {
  if (request.headers.authorization === undefined) return null
  const { store, now } = authority
  const token = bearerToken(request)
  const known = await tokenSender(store, token, now())
  if (!known) await refuseSpent(authority, request, token)
  if (known?.isNext) await beginNextToken(store, now(), known.sender, token)
  if (known) {
    const { roles } = await memberActor(store, known.member)
    const { member, sender, signInName: name } = known
    actors.set(request, { kind: 'sender', member, sender, name, roles })
  }
  return known
}

// A token that was replaced is in the hands of a copy.
async function refuseSpent(authority: Authority, request: FastifyRequest, token: string): Promise<void> {
  const { store, now } = authority
  const spent = await spentToken(store, token)
  if (!spent) return
  const { sender, member } = spent
  const { name, roles } = await memberActor(store, member)
  actors.set(request, { kind: 'sender', member, sender, name, roles })
  if (spent.isCopied) throw copied()
  if (now() - spent.spentAt < renewalGrace) {
    throw new AuthorityError('credential-renewed', 'The token was replaced a moment ago. Read the newest and repeat.')
  }
  throw await shutOutCopies(peopleOf(authority, request), sender)
}

/** Where a request came from. */
export const originOf = (request: FastifyRequest): Origin => ({
  address: request.ip,
  client: request.headers['user-agent'] ?? '',
})

/** The token that makes a browser a known device. */
export const deviceToken = (request: FastifyRequest): string | undefined => request.cookies[deviceCookie]

/** Gives a browser its session in cookies that no script reads. */
export function setSessionCookies(
  { secure, now }: Authority,
  reply: FastifyReply,
  { token, expiresAt, knownDevice }: { token: string; expiresAt: number; knownDevice: string },
): void {
  const options = { httpOnly: true, sameSite: 'strict', secure, path: '/' } as const
  reply.setCookie(sessionCookie, token, { ...options, maxAge: Math.floor((expiresAt - now()) / 1000) })
  reply.setCookie(deviceCookie, knownDevice, { ...options, path: '/api/v1/login', maxAge: deviceCookieTime })
}

export function clearSessionCookie(reply: FastifyReply): void {
  reply.clearCookie(sessionCookie, { path: '/' })
}

// A cookie comes along with every request of the browser, also those that another site's page caused.
function sessionToken(authority: Authority, request: FastifyRequest): string {
  const cookie = request.cookies[sessionCookie]
  if (request.headers.authorization !== undefined || cookie === undefined) return bearerToken(request)
  if (request.method !== 'GET') requireOwnOrigin(authority, request)
  return cookie
}

/** @throws AuthorityError `foreign-origin` */
export function requireOwnOrigin({ ownOrigins }: Authority, request: FastifyRequest): void {
  const { origin } = request.headers
  if (origin !== undefined && ownOrigins().includes(origin)) return
  throw new AuthorityError('foreign-origin', "Only the authority's own pages may ask this with cookies.")
}

const notSignedIn = () =>
  new AuthorityError('not-signed-in', 'Not signed in, or the session has ended. Sign in with sealmq login.')
