import {
  AddressRequest,
  CodeSent,
  PasswordReset,
  routes,
  SignUpChoices,
  SignUpRequest,
  SignUpStarted,
  Verified,
  VerifyRequest,
} from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { inEqualTime } from '../identity/equal-time.ts'
import { forgotPassword, resetPassword } from '../identity/password-reset.ts'
import { sendAddressCode, signUp, signUpChoices, verifyAddress } from '../identity/sign-up.ts'
import type { Authority } from './authority.ts'
import { originOf, peopleOf } from './gates.ts'
import type { Http } from './server.ts'

/** What strangers may ask: sign-up, proving an address, a forgotten password. Each answers alike, after the same time, whoever exists. */
export function signUpRoutes(http: Http, authority: Authority): void {
  const people = (request: FastifyRequest) => peopleOf(authority, request)
  const tags = ['identity']
  const codeSent = () => ({ retryAfter: Math.ceil(authority.settings.codeResend / 1000) })

  http.get(routes.signUp, { schema: { tags, response: { 200: SignUpChoices } } }, (request) =>
    signUpChoices(people(request)),
  )
  http.post(
    routes.signUp,
    { schema: { tags, body: SignUpRequest, response: { 202: SignUpStarted } } },
    async (request, reply) => {
      const started = await inEqualTime(people(request), () => signUp(people(request), request.body, originOf(request)))
      return reply.status(202).send(started)
    },
  )
  http.post(
    routes.verify,
    { config: { audit: 'address.confirm' }, schema: { tags, body: VerifyRequest, response: { 200: Verified } } },
    (request) => inEqualTime(people(request), () => verifyAddress(people(request), request.body, originOf(request))),
  )
  http.post(
    routes.verifySend,
    { schema: { tags, body: AddressRequest, response: { 202: CodeSent } } },
    async (request, reply) => {
      await inEqualTime(people(request), () => sendAddressCode(people(request), request.body.email, originOf(request)))
      return reply.status(202).send(codeSent())
    },
  )
  http.post(
    routes.passwordForgot,
    { schema: { tags, body: AddressRequest, response: { 202: CodeSent } } },
    async (request, reply) => {
      await inEqualTime(people(request), () => forgotPassword(people(request), request.body.email, originOf(request)))
      return reply.status(202).send(codeSent())
    },
  )
  http.post(
    routes.passwordReset,
    { config: { audit: 'password.reset' }, schema: { tags, body: PasswordReset, response: { 204: Type.Null() } } },
    async (request, reply) => {
      await inEqualTime(people(request), () => resetPassword(people(request), request.body, originOf(request)))
      return reply.status(204).send(null)
    },
  )
}
