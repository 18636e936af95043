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
  listMembers,
  memberInfo,
} from '../administration/members.ts'
import { resetAuthenticator } from '../identity/factors.ts'
import { endSessions } from '../identity/sessions.ts'
import type { Authority } from './authority.ts'
import { requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

const params = Type.Object({ id: Type.String({ maxLength: 254, pattern: printable }) })
/** An import may be as long, bytes. */
const importLimit = 8 * 1024 * 1024

/** Members, for administrators. */
export function memberRoutes(http: Http, authority: Authority): void {
  const { store, people } = authority
  const tags = ['members']
  const nothing = { 204: Type.Null() }
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  http.get(routes.members, { schema: { tags, response: { 200: Type.Array(MemberInfo) } } }, () => listMembers(people))
  http.post(
    routes.members,
    { schema: { tags, body: MemberCreate, response: { 201: MemberInfo } } },
    async (request, reply) => {
      const id = await createMember(people, request.body)
      reply.status(201)
      return memberInfo(people, id)
    },
  )
  http.post(
    routes.membersInvite,
    { schema: { tags, body: Invitation, response: { 201: HandedCode } } },
    async (request, reply) => reply.status(201).send(await inviteMember(people, request.body)),
  )
  http.post(
    routes.membersImport,
    { bodyLimit: importLimit, schema: { tags, body: MembersImport, response: { 200: Type.Array(ImportedMember) } } },
    (request) => importMembers(people, request.body),
  )
  http.get(routes.member, { schema: { tags, params, response: { 200: MemberInfo } } }, async (request) =>
    memberInfo(people, (await findMember(store, request.params.id)).id),
  )
  http.patch(
    routes.member,
    { schema: { tags, params, body: MemberChange, response: { 200: MemberInfo } } },
    async (request) => {
      const { id } = await findMember(store, request.params.id)
      await changeMember(people, id, request.body)
      return memberInfo(people, id)
    },
  )
  http.delete(routes.member, { schema: { tags, params, response: nothing } }, async (request, reply) => {
    await deleteMember(people, request.params.id)
    return reply.status(204).send(null)
  })
  http.post(
    routes.memberApprove,
    { schema: { tags, params, body: Approval, response: { 200: MemberInfo } } },
    async (request) => memberInfo(people, await approveMember(people, request.params.id, request.body.role)),
  )
  http.post(routes.memberReject, { schema: { tags, params, response: nothing } }, async (request, reply) => {
    await rejectMember(people, request.params.id)
    return reply.status(204).send(null)
  })
  http.post(routes.memberLock, { schema: { tags, params, response: { 200: MemberInfo } } }, async (request) =>
    memberInfo(people, await lockMember(people, request.params.id)),
  )
  http.post(routes.memberUnlock, { schema: { tags, params, response: { 200: MemberInfo } } }, async (request) =>
    memberInfo(people, await unlockMember(people, request.params.id)),
  )
  http.post(routes.memberCode, { schema: { tags, params, response: { 200: HandedCode } } }, (request) =>
    makeHandedCode(people, request.params.id),
  )
  http.post(routes.memberResetFactor, { schema: { tags, params, response: { 200: MemberInfo } } }, async (request) => {
    const { id, email } = await findMember(store, request.params.id)
    await resetAuthenticator(people, { id, signInName: email })
    return memberInfo(people, id)
  })
  http.delete(routes.memberSessions, { schema: { tags, params, response: nothing } }, async (request, reply) => {
    await endSessions(store, (await findMember(store, request.params.id)).id)
    return reply.status(204).send(null)
  })
}
