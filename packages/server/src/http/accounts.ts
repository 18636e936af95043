import { toBase64url } from '@sealmq/protocol'
import { DeploymentInfo, LoginRequest, Me, routes, Session, SetupRequest } from '@sealmq/protocol/api'
import Type from 'typebox'
import { me, setUp } from '../administration/members.ts'
import { endSession, logIn, startSession, tokenSender } from '../identity/login.ts'
import type { Authority } from './authority.ts'
import { bearerToken, requireSession } from './gates.ts'
import type { Http } from './server.ts'

/** Who the authority is, setup, login, logout, who am I. */
export function accountRoutes(http: Http, authority: Authority): void {
  const { store, identity, now, changes, broker, brokerUrl } = authority

  http.get(routes.deployment, { schema: { tags: ['deployment'], response: { 200: DeploymentInfo } } }, async () => {
    const { setup_code_hash } = await store.selectFrom('deployment').select('setup_code_hash').executeTakeFirstOrThrow()
    return {
      deployment: toBase64url(identity.deployment),
      name: identity.name,
      authorityKey: toBase64url(identity.signingKey.publicKey),
      broker: {
        mqtt: brokerUrl(),
        websocketPath: '/mqtt',
        protocolVersions: broker.capabilities.protocolVersions,
      },
      setupNeeded: setup_code_hash !== null,
      time: now(),
    }
  })

  http.post(
    routes.setup,
    { schema: { tags: ['identity'], body: SetupRequest, response: { 201: Session } } },
    async (request, reply) => {
      const member = await setUp(changes, request.body)
      reply.status(201)
      return { ...(await startSession(store, member, now())), me: await me(store, member) }
    },
  )

  http.post(
    routes.login,
    { schema: { tags: ['identity'], body: LoginRequest, response: { 200: Session } } },
    async (request) => {
      const { member, token, expiresAt } = await logIn(store, request.body.email, request.body.password, now)
      return { token, expiresAt, me: await me(store, member) }
    },
  )

  http.post(
    routes.logout,
    { schema: { tags: ['identity'], response: { 204: Type.Null() } } },
    async (request, reply) => {
      await endSession(store, bearerToken(request))
      return reply.status(204).send(null)
    },
  )

  http.get(routes.me, { schema: { tags: ['identity'], response: { 200: Me } } }, async (request) => {
    const sender = await tokenSender(store, bearerToken(request))
    return sender ? me(store, sender.member) : requireSession(authority, request)
  })
}
