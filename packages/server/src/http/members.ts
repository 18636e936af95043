import { MemberChange, MemberCreate, MemberInfo, printable, routes } from '@sealmq/protocol/api'
import Type from 'typebox'
import {
  changeMember,
  createMember,
  deleteMember,
  findMember,
  listMembers,
  memberInfo,
} from '../administration/members.ts'
import type { Authority } from './authority.ts'
import { requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

const params = Type.Object({ id: Type.String({ maxLength: 254, pattern: printable }) })

/** Members, for administrators. */
export function memberRoutes(http: Http, authority: Authority): void {
  const { store, changes } = authority
  const tags = ['members']
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  http.get(routes.members, { schema: { tags, response: { 200: Type.Array(MemberInfo) } } }, () => listMembers(store))
  http.post(
    routes.members,
    { schema: { tags, body: MemberCreate, response: { 201: MemberInfo } } },
    async (request, reply) => {
      const id = await createMember(changes, request.body)
      reply.status(201)
      return memberInfo(store, id)
    },
  )
  http.get(routes.member, { schema: { tags, params, response: { 200: MemberInfo } } }, async (request) =>
    memberInfo(store, (await findMember(store, request.params.id)).id),
  )
  http.patch(
    routes.member,
    { schema: { tags, params, body: MemberChange, response: { 200: MemberInfo } } },
    async (request) => {
      const { id } = await findMember(store, request.params.id)
      await changeMember(changes, id, request.body)
      return memberInfo(store, id)
    },
  )
  http.delete(routes.member, { schema: { tags, params, response: { 204: Type.Null() } } }, async (request, reply) => {
    await deleteMember(changes, request.params.id)
    return reply.status(204).send(null)
  })
}
