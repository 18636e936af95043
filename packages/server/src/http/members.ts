import {
  Approval,
  HandedCode,
  ImportedMember,
  Invitation,
  MemberChange,
  MemberCreate,
  MemberInfo,
  MembersImport,
  printable,
  routes,
} from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import {
  approveMember,
  inviteMember,
  lockMember,
  makeHandedCode,
  rejectMember,
  unlockMember,
} from '../administration/approvals.ts'
import { importMembers } from '../administration/import-members.ts'
import {
  changeMember,
  createMember,
  deleteMember,
  findMember,
  findPerson,
  listMembers,
  memberInfo,
} from '../administration/members.ts'
import { endMemberSessions } from '../identity/end-sessions.ts'
import { resetAuthenticator } from '../identity/factors.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

const params = Type.Object({ id: Type.String({ maxLength: 254, pattern: printable }) })
/** An import may be as long, bytes. */
const importLimit = 8 * 1024 * 1024

/** Members, for administrators. */
export function memberRoutes(http: Http, authority: Authority): void {
  const { store } = authority
  const people = (request: FastifyRequest) => peopleOf(authority, request)
  const tags = ['members']
  const nothing = { 204: Type.Null() }
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  http.get(routes.members, { schema: { tags, response: { 200: Type.Array(MemberInfo) } } }, (request) =>
    listMembers(people(request)),
  )
  http.post(
    routes.members,
    { config: { audit: 'member.create' }, schema: { tags, body: MemberCreate, response: { 201: MemberInfo } } },
    async (request, reply) => {
      const id = await createMember(people(request), request.body)
      reply.status(201)
      return memberInfo(people(request), id)
    },
  )
  http.post(
    routes.membersInvite,
    { config: { audit: 'member.invite' }, schema: { tags, body: Invitation, response: { 201: HandedCode } } },
    async (request, reply) => reply.status(201).send(await inviteMember(people(request), request.body)),
  )
  http.post(
    routes.membersImport,
    {
      config: { audit: 'member.import' },
      bodyLimit: importLimit,
      schema: { tags, body: MembersImport, response: { 200: Type.Array(ImportedMember) } },
    },
    (request) => importMembers(people(request), request.body),
  )
  http.get(routes.member, { schema: { tags, params, response: { 200: MemberInfo } } }, async (request) =>
    memberInfo(people(request), (await findPerson(store, request.params.id)).id),
  )
  http.patch(
    routes.member,
    { config: { audit: 'member.change' }, schema: { tags, params, body: MemberChange, response: { 200: MemberInfo } } },
    async (request) => {
      const { id } = await findMember(store, request.params.id)
      await changeMember(people(request), id, request.body)
      return memberInfo(people(request), id)
    },
  )
  http.delete(
    routes.member,
    { config: { audit: 'member.remove' }, schema: { tags, params, response: nothing } },
    async (request, reply) => {
      await deleteMember(people(request), request.params.id)
      return reply.status(204).send(null)
    },
  )
  http.post(
    routes.memberApprove,
    { config: { audit: 'member.approve' }, schema: { tags, params, body: Approval, response: { 200: MemberInfo } } },
    async (request) =>
      memberInfo(people(request), await approveMember(people(request), request.params.id, request.body.role)),
  )
  http.post(
    routes.memberReject,
    { config: { audit: 'member.reject' }, schema: { tags, params, response: nothing } },
    async (request, reply) => {
      await rejectMember(people(request), request.params.id)
      return reply.status(204).send(null)
    },
  )
  http.post(
    routes.memberLock,
    { config: { audit: 'member.lock' }, schema: { tags, params, response: { 200: MemberInfo } } },
    async (request) => memberInfo(people(request), await lockMember(people(request), request.params.id)),
  )
  http.post(
    routes.memberUnlock,
    { config: { audit: 'member.unlock' }, schema: { tags, params, response: { 200: MemberInfo } } },
    async (request) => memberInfo(people(request), await unlockMember(people(request), request.params.id)),
  )
  http.post(
    routes.memberCode,
    { config: { audit: 'code.send' }, schema: { tags, params, response: { 200: HandedCode } } },
    (request) => makeHandedCode(people(request), request.params.id),
  )
  http.post(
    routes.memberResetFactor,
    { config: { audit: 'member.reset-factor' }, schema: { tags, params, response: { 200: MemberInfo } } },
    async (request) => {
      const { id, email } = await findPerson(store, request.params.id)
      await resetAuthenticator(people(request), { id, signInName: email })
      return memberInfo(people(request), id)
    },
  )
  http.delete(
    routes.memberSessions,
    { config: { audit: 'session.end' }, schema: { tags, params, response: nothing } },
    async (request, reply) => {
      await endMemberSessions(people(request), await findPerson(store, request.params.id))
      return reply.status(204).send(null)
    },
  )
}
