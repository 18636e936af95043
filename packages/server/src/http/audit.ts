import { Readable } from 'node:stream'
import {
  AuditCheckpoint,
  AuditPage,
  AuditQuery,
  ConsistencyProof,
  ConsistencyQuery,
  InclusionProof,
  InclusionQuery,
  routes,
} from '@sealmq/protocol/api'
import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { exportLog } from '../audit/export-log.ts'
import { recordAlone } from '../audit/recording.ts'
import { findRecords } from '../audit/records.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireAuditor, requireMember } from './gates.ts'
import type { Http } from './server.ts'

const ExportQuery = Type.Object({ from: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })) })

/** The audit log: records for auditors and administrators, checkpoints and their proofs for every member. */
export function auditRoutes(http: Http, authority: Authority): void {
  const { store, audit } = authority
  const tags = ['audit']
  const forAuditors = {
    preValidation: async (request: FastifyRequest) => void (await requireAuditor(authority, request)),
  }
  const forMembers = { preValidation: (request: FastifyRequest) => requireMember(authority, request) }

  http.get(
    routes.auditRecords,
    { ...forAuditors, schema: { tags, querystring: AuditQuery, response: { 200: AuditPage } } },
    (request) => findRecords(store, request.query),
  )
  http.get(
    routes.auditExport,
    { ...forAuditors, schema: { tags, querystring: ExportQuery } },
    async (request, reply) => {
      const { from = 0 } = request.query
      await recordAlone(peopleOf(authority, request), { action: 'audit.export', detail: { from } })
      reply.type('application/x-ndjson')
      return reply.send(Readable.from(exportLog({ store, audit, logger: request.log, from }), { objectMode: false }))
    },
  )
  http.get(
    routes.auditInclusion,
    { ...forAuditors, schema: { tags, querystring: InclusionQuery, response: { 200: InclusionProof } } },
    async (request) => ({ proof: await audit.inclusion(request.query.position), key: audit.verifierKey }),
  )
  http.get(routes.auditCheckpoint, { ...forMembers, schema: { tags, response: { 200: AuditCheckpoint } } }, () =>
    audit.latest(),
  )
  http.post(
    routes.auditCheckpoint,
    { ...forMembers, schema: { tags, response: { 201: AuditCheckpoint } } },
    async (_request, reply) => reply.status(201).send(await audit.demanded()),
  )
  http.get(
    routes.auditConsistency,
    { ...forMembers, schema: { tags, querystring: ConsistencyQuery, response: { 200: ConsistencyProof } } },
    async (request) => ({ hashes: await audit.consistency(request.query.from, request.query.to) }),
  )
}
