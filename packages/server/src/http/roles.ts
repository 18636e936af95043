import { printable, RightsAnswer, RightsQuery, RoleChange, RoleCreate, RoleInfo, routes } from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { answerRights } from '../administration/rights-question.ts'
import { changeRole, createRole, deleteRole, findRole, listRoles } from '../administration/roles.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

const params = Type.Object({ id: Type.String({ maxLength: 100, pattern: printable }) })

/** Roles and their grants, for administrators. */
export function roleRoutes(http: Http, authority: Authority): void {
  const { store } = authority
  const people = (request: FastifyRequest) => peopleOf(authority, request)
  const tags = ['roles']
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  http.get(routes.roles, { schema: { tags, response: { 200: Type.Array(RoleInfo) } } }, () => listRoles(store))
  http.get(routes.rights, { schema: { tags, querystring: RightsQuery, response: { 200: RightsAnswer } } }, (request) =>
    answerRights(store, request.query),
  )
  http.post(
    routes.roles,
    { config: { audit: 'role.create' }, schema: { tags, body: RoleCreate, response: { 201: RoleInfo } } },
    async (request, reply) => {
      const id = await createRole(people(request).changes, request.body)
      reply.status(201)
      return findRole(store, id)
    },
  )
  http.get(routes.role, { schema: { tags, params, response: { 200: RoleInfo } } }, (request) =>
    findRole(store, request.params.id),
  )
  http.patch(
    routes.role,
    { config: { audit: 'role.change' }, schema: { tags, params, body: RoleChange, response: { 200: RoleInfo } } },
    async (request) => findRole(store, await changeRole(people(request).changes, request.params.id, request.body)),
  )
  http.delete(
    routes.role,
    { config: { audit: 'role.remove' }, schema: { tags, params, response: { 204: Type.Null() } } },
    async (request, reply) => {
      await deleteRole(people(request).changes, request.params.id)
      return reply.status(204).send(null)
    },
  )
}
