import { routes, SystemStatus } from '@sealmq/protocol/api'
import type { Authority } from './authority.ts'
import { requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

/** How the authority does, for administrators. */
export function systemRoutes(http: Http, authority: Authority): void {
  const { store, now, started, disk, mail, messages, broker, auditCounts } = authority
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  http.get(routes.system, { schema: { tags: ['system'], response: { 200: SystemStatus } } }, async () => {
    const { revision } = await store.selectFrom('deployment').select('revision').executeTakeFirstOrThrow()
    const { size } = await store.selectFrom('audit_log').select('size').executeTakeFirstOrThrow()
    const checkpoint = await store
      .selectFrom('audit_checkpoints')
      .select(['size', 'time'])
      .orderBy('size', 'desc')
      .limit(1)
      .executeTakeFirst()
    return {
      time: now(),
      startedAt: started.at,
      version: started.version,
      runtime: process.version,
      store: { engine: started.engine, revision, diskFree: disk.free },
      mail: { transport: mail.transport, waiting: await mail.waiting(), lastFailure: mail.lastFailure },
      audit: {
        records: size,
        checkpoint: checkpoint ?? null,
        publishFailures: [...auditCounts.publishFailures].map(([place, failures]) => ({ place, failures })),
      },
      counts: {
        messages: messages.observed,
        refused: messages.refusals,
        connections: broker.connections().length,
        waiting: messages.waiting,
        skipped: messages.skipped,
        appendFailures: auditCounts.appendFailures,
      },
      settings: [...started.settings],
    }
  })
}
