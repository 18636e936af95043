import { routes, SenderCreated, SenderInfo, SenderRequest } from '@sealmq/protocol/api'
import Type from 'typebox'
import { applyChange } from '../administration/change.ts'
import { removeSender } from '../administration/revocation.ts'
import { AuthorityError } from '../authority-error.ts'
import { tokenSender } from '../identity/login.ts'
import { addSender } from '../identity/senders.ts'
import type { Authority } from './authority.ts'
import { bearerToken, requireAdministrator, requireSession } from './gates.ts'
import type { Http } from './server.ts'

/** The installations of members. */
export function senderRoutes(http: Http, authority: Authority): void {
  const { store, changes } = authority

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
      const { member } = all ? await requireAdministrator(authority, request) : await requireSession(authority, request)
      const rows = await store
        .selectFrom('senders')
        .selectAll()
        .$if(!all, (query) => query.where('member_id', '=', member))
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
      }))
    },
  )

  http.post(
    routes.senders,
    { schema: { tags: ['senders'], body: SenderRequest, response: { 201: SenderCreated } } },
    async (request, reply) => {
      const member = await requireSession(authority, request)
      const created = await applyChange(changes, async (change) => {
        await change.touchDirectory()
        return addSender(change.transaction, { id: member.member, name: member.name }, request.body, change.now)
      })
      reply.status(201)
      return created
    },
  )

  http.delete(
    routes.sender,
    {
      schema: {
        tags: ['senders'],
        params: Type.Object({ id: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }) }),
        response: { 204: Type.Null() },
      },
    },
    async (request, reply) => {
      const { id } = request.params
      const self = await tokenSender(store, bearerToken(request))
      const who = self ? null : await requireSession(authority, request)
      const row = await store
        .selectFrom('senders')
        .select(['sender', 'member_id as member', 'revoked_at'])
        .where('sender', '=', id)
        .executeTakeFirst()
      const mayRemove = self ? self.sender === id : who!.administrator || row?.member === who!.member
      if (!row || !mayRemove || row.revoked_at !== null)
        throw new AuthorityError('not-found', `There is no sender ${id} of yours. sealmq senders list shows them.`)
      await applyChange(changes, (change) => removeSender(change, row))
      return reply.status(204).send(null)
    },
  )
}
