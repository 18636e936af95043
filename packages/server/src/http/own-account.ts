import {
  CodeSent,
  EmailChange,
  EmailConfirmation,
  Factors,
  PasswordChange,
  PasswordOnly,
  RecoveryCodes,
  routes,
  SessionInfo,
  SteppedUp,
  StepUpRequest,
  TotpConfirmation,
  TotpEnrolment,
} from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { endOtherSessions, endOwnSession } from '../identity/end-sessions.ts'
import { addTotp, confirmAuthenticator, factorsOf, newRecoveryCodes, removeAuthenticator } from '../identity/factors.ts'
import { askEmailChange, confirmEmailChange, deleteOwnAccount } from '../identity/own-account.ts'
import { changePassword } from '../identity/password-reset.ts'
import { listSessions } from '../identity/sessions.ts'
import { sendStepUpCode, stepUp } from '../identity/step-up.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireFresh, requireLimited, requireSession, type SignedInMember } from './gates.ts'
import type { Http } from './server.ts'

/** What people do with their own account: factors, sessions, password, address. */
export function ownAccountRoutes(http: Http, authority: Authority): void {
  const { store, settings, identity, now } = authority
  const people = (request: FastifyRequest) => peopleOf(authority, request)
  const tags = ['own account']
  // Gates stand before the check of the body: strangers learn nothing of what a route takes.
  const asking = new WeakMap<FastifyRequest, SignedInMember>()
  const gate = (admit: typeof requireLimited, { fresh }: { fresh: boolean }) => ({
    preValidation: async (request: FastifyRequest) => {
      const signedIn = await admit(authority, request)
      if (fresh) await requireFresh(authority, signedIn)
      asking.set(request, signedIn)
    },
  })
  const limited = gate(requireLimited, { fresh: false })
  const limitedFresh = gate(requireLimited, { fresh: true })
  const full = gate(requireSession, { fresh: false })
  const fullFresh = gate(requireSession, { fresh: true })
  const who = (request: FastifyRequest) => asking.get(request)!
  const codeSent = () => ({ retryAfter: Math.ceil(settings.codeResend / 1000) })

  http.post(
    routes.stepUp,
    {
      config: { audit: 'session.step-up' },
      ...limited,
      schema: { tags, body: StepUpRequest, response: { 200: SteppedUp } },
    },
    async (request) => {
      const { session, addressee } = who(request)
      return { until: await stepUp(people(request), session, addressee, request.body) }
    },
  )
  http.post(
    routes.stepUpSend,
    { config: { audit: 'code.send' }, ...limited, schema: { tags, response: { 202: CodeSent } } },
    async (request, reply) => {
      const { addressee } = who(request)
      await sendStepUpCode(people(request), addressee)
      return reply.status(202).send(codeSent())
    },
  )

  http.get(routes.factors, { ...limited, schema: { tags, response: { 200: Factors } } }, async (request) =>
    factorsOf(store, who(request).me.member),
  )
  http.post(
    routes.totp,
    { config: { audit: 'factor.add' }, ...limitedFresh, schema: { tags, response: { 201: TotpEnrolment } } },
    async (request, reply) => {
      const { addressee } = who(request)
      return reply.status(201).send(await addTotp(people(request), addressee, identity.name))
    },
  )
  http.post(
    routes.totpConfirm,
    {
      config: { audit: 'factor.add' },
      ...limitedFresh,
      schema: { tags, body: TotpConfirmation, response: { 200: RecoveryCodes } },
    },
    async (request) => {
      const { addressee } = who(request)
      return { recoveryCodes: await confirmAuthenticator(people(request), addressee, request.body.otp) }
    },
  )
  http.delete(
    routes.totp,
    { config: { audit: 'factor.remove' }, ...limitedFresh, schema: { tags, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const { addressee } = who(request)
      await removeAuthenticator(people(request), addressee)
      return reply.status(204).send(null)
    },
  )
  http.post(
    routes.recoveryCodes,
    { config: { audit: 'factor.recovery-codes' }, ...fullFresh, schema: { tags, response: { 200: RecoveryCodes } } },
    async (request) => {
      const { addressee } = who(request)
      return { recoveryCodes: await newRecoveryCodes(people(request), addressee) }
    },
  )

  http.get(
    routes.sessions,
    { ...full, schema: { tags, response: { 200: Type.Array(SessionInfo) } } },
    async (request) => {
      const { session } = who(request)
      return listSessions(store, session.member, session.id, now())
    },
  )
  http.delete(
    routes.sessions,
    { config: { audit: 'session.end' }, ...full, schema: { tags, response: { 204: Type.Null() } } },
    async (request, reply) => {
      const { session } = who(request)
      await endOtherSessions(people(request), session)
      return reply.status(204).send(null)
    },
  )
  http.delete(
    routes.session,
    {
      config: { audit: 'session.end' },
      ...full,
      schema: { tags, params: Type.Object({ id: Type.String({ maxLength: 64 }) }), response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      const { session } = who(request)
      await endOwnSession(people(request), session.member, request.params.id)
      return reply.status(204).send(null)
    },
  )

  http.post(
    routes.password,
    {
      config: { audit: 'password.change' },
      ...fullFresh,
      schema: { tags, body: PasswordChange, response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      const { session, me, addressee } = who(request)
      await changePassword(people(request), { ...addressee, name: me.name }, { ...request.body, session: session.id })
      return reply.status(204).send(null)
    },
  )
  http.post(
    routes.accountEmail,
    {
      config: { audit: 'address.change' },
      ...fullFresh,
      schema: { tags, body: EmailChange, response: { 202: CodeSent } },
    },
    async (request, reply) => {
      const { addressee } = who(request)
      await askEmailChange(people(request), addressee, request.body)
      return reply.status(202).send(codeSent())
    },
  )
  http.post(
    routes.accountEmailConfirm,
    {
      config: { audit: 'address.change' },
      ...fullFresh,
      schema: { tags, body: EmailConfirmation, response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      const { addressee } = who(request)
      await confirmEmailChange(people(request), addressee, request.body.code)
      return reply.status(204).send(null)
    },
  )
  http.post(
    routes.accountDelete,
    {
      config: { audit: 'member.remove' },
      ...limitedFresh,
      schema: { tags, body: PasswordOnly, response: { 204: Type.Null() } },
    },
    async (request, reply) => {
      const { addressee } = who(request)
      await deleteOwnAccount(people(request), addressee, request.body.password)
      return reply.status(204).send(null)
    },
  )
}
