import { routes, SenderCreated, SenderInfo, SenderRequest } from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { applyChange } from '../administration/change.ts'
import { removeSender } from '../administration/revocation.ts'
import { AuthorityError } from '../authority-error.ts'
import { addSender } from '../identity/senders.ts'
import { admitSessionSender, endSenders, surplusSenders } from '../identity/session-senders.ts'
import { requireLivingSession } from '../identity/sessions.ts'
import { countTry } from '../identity/tries.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireAdministrator, requireFresh, requireSession, type SignedInMember, senderOf } from './gates.ts'
import type { Http } from './server.ts'

/** The installations of members. */
export function senderRoutes(http: Http, authority: Authority): void {
  const { store } = authority
  const asking = new WeakMap<FastifyRequest, SignedInMember>()

  http.get(
    routes.senders,
    {
      schema: {
        tags: ['senders'],
        querystring: Type.Object({ all: Type.Optional(Type.Literal('true')) }),
        response: { 200: Type.Array(SenderInfo) },
      },
    },
    async (request) => {
      const all = request.query.all === 'true'
      const { me } = all ? await requireAdministrator(authority, request) : await requireSession(authority, request)
      const rows = await store
        .selectFrom('senders')
        .selectAll()
        .$if(!all, (query) => query.where('member_id', '=', me.member))
        .orderBy('sender')
        .execute()
      return rows.map((row) => ({
        sender: row.sender,
        member: row.member_id,
        memberName: row.member_name,
        name: row.name,
        algorithm: row.algorithm,
        createdAt: row.created_at,
        revokedAt: row.revoked_at,
        ofSession: row.session_id !== null,
        endedAt: row.ended_at,
      }))
    },
  )

  http.post(
    routes.senders,
    {
      config: { audit: 'sender.add' },
      // Before the check of the body: strangers learn nothing of what the route takes.
      preValidation: async (request) => {
        const signedIn = await requireSession(authority, request)
        await requireFresh(authority, signedIn)
        asking.set(request, signedIn)
      },
      schema: { tags: ['senders'], body: SenderRequest, response: { 201: SenderCreated } },
    },
    async (request, reply) => {
      const { me, session } = asking.get(request)!
      const created = await applyChange(peopleOf(authority, request).changes, async (change) => {
        await requireLivingSession(change.transaction, session)
        await change.touchDirectory()
        const member = { id: me.member, name: me.name }
        const { masterKey } = peopleOf(authority, request)
        const added = await addSender(change.transaction, member, request.body, { now: change.now, masterKey })
        await change.tellBroker('refresh-sender', [added.sender])
        change.record({
          action: 'sender.add',
          on: { kind: 'sender', id: String(added.sender), name: request.body.name },
          detail: { algorithm: request.body.algorithm, publicKey: request.body.publicKey },
        })
        return added
      })
      reply.status(201)
      return created
    },
  )

  http.post(
    routes.sessionSenders,
    {
      config: { audit: 'sender.add' },
      // No fresh factor: it has no power that the session has not, and ends with it.
      preValidation: async (request) => {
        asking.set(request, await requireSession(authority, request))
      },
      schema: { tags: ['senders'], body: SenderRequest, response: { 201: SenderCreated } },
    },
    async (request, reply) => {
      const { me, session } = asking.get(request)!
      const created = await applyChange(peopleOf(authority, request).changes, async (change) => {
        const living = await requireLivingSession(change.transaction, session)
        await admitSessionSender(change.transaction, me.member, change.now)
        await change.touchDirectory()
        await endSenders(change, await surplusSenders(change.transaction, session.id))
        const { masterKey } = peopleOf(authority, request)
        const context = { now: change.now, masterKey }
        const member = { id: me.member, name: me.name }
        const added = await addSender(change.transaction, member, request.body, context, null, living)
        await change.tellBroker('refresh-sender', [added.sender])
        change.record({
          action: 'sender.add',
          on: { kind: 'sender', id: String(added.sender), name: request.body.name },
          detail: {
            algorithm: request.body.algorithm,
            publicKey: request.body.publicKey,
            session: session.id,
          },
        })
        return added
      })
      reply.status(201)
      return created
    },
  )

  http.delete(
    routes.sender,
    {
      config: { audit: 'sender.remove' },
      schema: {
        tags: ['senders'],
        params: Type.Object({ id: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }) }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const self = await senderOf(authority, request)
      const who = self ? null : await requireSession(authority, request)
      if (who) await requireFresh(authority, who)
      const row = await store
        .selectFrom('senders')
        .select(['sender', 'member_id as member', 'name', 'revoked_at', 'session_id'])
        .where('sender', '=', id)
        .executeTakeFirst()
      const mayRemove = self ? self.sender === id : who!.me.administrator || row?.member === who!.me.member
      const notFound = () =>
        new AuthorityError('not-found', `There is no sender ${id} of yours. sealmq senders list shows them.`)
      if (!row || !mayRemove || row.revoked_at !== null) throw notFound()
      if (self && row.session_id !== null) {
        await applyChange(peopleOf(authority, request).changes, (change) =>
          endSenders(change, [{ sender: id, name: row.name, member_id: row.member }]),
        )
        return reply.status(204).send(null)
      }
      // Each removal starts epochs, which everybody on those channels keeps for days.
      if (self || !who!.me.administrator) await admitRemoval(authority, row.member)
      await applyChange(peopleOf(authority, request).changes, async (change) => {
        if (!(await removeSender(change, row))) throw notFound()
      })
      return reply.status(204).send(null)
    },
  )
}

const hour = 3_600_000
const removalLimits = { allowed: 20, lock: hour, longestLock: hour }

async function admitRemoval({ store, now }: Authority, member: string): Promise<void> {
  const admission = await countTry(store, `sender removals ${member}`, removalLimits, now())
  if (admission.admitted) return
  const seconds = Math.ceil((admission.lockedUntil - now()) / 1000)
  throw new AuthorityError(
    'too-many-tries',
    `You have removed ${removalLimits.allowed} installations in short time. Wait ${seconds} s, or ask an administrator.`,
    { retryAfter: seconds },
  )
}
