import { toBase64url } from '@sealmq/protocol'
import { DeploymentInfo, LoginRequest, Me, routes, Session, SetupRequest } from '@sealmq/protocol/api'
import type { FastifyReply } from 'fastify'
import Type from 'typebox'
import { me, setUp } from '../administration/members.ts'
import { AuthorityError } from '../authority-error.ts'
import { endOwnSession } from '../identity/end-sessions.ts'
import { logIn } from '../identity/login.ts'
import { mailCode } from '../identity/mailed-codes.ts'
import { hasMailbox } from '../identity/sign-in-name.ts'
import type { Authority } from './authority.ts'
import {
  clearSessionCookie,
  deviceToken,
  originOf,
  peopleOf,
  requireLimited,
  requireOwnOrigin,
  senderOf,
  setSessionCookies,
} from './gates.ts'
import type { Http } from './server.ts'

/** Who the authority is, setup, login, logout, who am I. */
export function accountRoutes(http: Http, authority: Authority): void {
  const { store, identity, now, audit, broker, brokerUrl, brokerElsewhere, ca } = authority

  const answer = (reply: FastifyReply, session: Omit<Session, 'me'>, info: Me, cookie = false): Session => {
    if (!cookie) return { ...session, me: info }
    setSessionCookies(authority, reply, session)
    return { token: '', expiresAt: session.expiresAt, knownDevice: '', me: info }
  }

  http.get(routes.deployment, { schema: { tags: ['deployment'], response: { 200: DeploymentInfo } } }, async () => {
    const { setup_code_hash } = await store.selectFrom('deployment').select('setup_code_hash').executeTakeFirstOrThrow()
    return {
      deployment: toBase64url(identity.deployment),
      name: identity.name,
      authorityKey: toBase64url(identity.signingKey.publicKey),
      broker: {
        mqtt: brokerUrl(),
        websocketPath: '/mqtt',
        protocolVersions: [...broker.capabilities.protocolVersions],
        ...(brokerElsewhere ? { elsewhere: true } : {}),
      },
      auditKey: audit.verifierKey,
      setupNeeded: setup_code_hash !== null,
      time: now(),
    }
  })

  // No secret; it is trusted by whoever knows its fingerprint already.
  http.get(
    routes.ca,
    { schema: { tags: ['deployment'], produces: ['application/x-pem-file'], response: { 200: Type.String() } } },
    async (_request, reply) => {
      if (ca === null) throw new AuthorityError('not-found', "The authority's certificate comes from no CA of its own.")
      return reply.type('application/x-pem-file').send(ca)
    },
  )

  http.post(
    routes.setup,
    {
      config: { audit: 'authority.set-up' },
      schema: { tags: ['identity'], body: SetupRequest, response: { 201: Session } },
    },
    async (request, reply) => {
      const people = peopleOf(authority, request)
      const { cookie, ...wanted } = request.body
      if (cookie) requireOwnOrigin(authority, request)
      const { member, ...session } = await setUp(people, wanted, originOf(request))
      const info = await me(store, member)
      if (hasMailbox(info.email)) await mailCode(people, { id: member, signInName: info.email }, 'address')
      reply.status(201)
      return answer(reply, session, info, cookie)
    },
  )

  http.post(
    routes.login,
    { schema: { tags: ['identity'], body: LoginRequest, response: { 200: Session } } },
    async (request, reply) => {
      const { cookie, ...attempt } = request.body
      if (cookie) requireOwnOrigin(authority, request)
      const knownDevice = attempt.knownDevice ?? deviceToken(request)
      const { member, ...session } = await logIn(
        peopleOf(authority, request),
        { ...attempt, knownDevice },
        originOf(request),
      )
      const info = await me(store, member)
      return answer(reply, session, info, cookie)
    },
  )

  http.post(
    routes.logout,
    { config: { audit: 'session.end' }, schema: { tags: ['identity'], response: { 204: Type.Null() } } },
    async (request, reply) => {
      const { session } = await requireLimited(authority, request)
      await endOwnSession(peopleOf(authority, request), session.member, session.id)
      clearSessionCookie(reply)
      return reply.status(204).send(null)
    },
  )

  http.get(routes.me, { schema: { tags: ['identity'], response: { 200: Me } } }, async (request) => {
    const sender = await senderOf(authority, request)
    return sender ? me(store, sender.member) : (await requireLimited(authority, request)).me
  })
}
