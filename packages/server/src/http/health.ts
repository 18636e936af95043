import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import Type from 'typebox'
import type { Authority } from './authority.ts'
import type { Http } from './server.ts'

const State = Type.Object({ status: Type.String() })

/** Is it alive, is it ready, how does it do. None of it tells who is connected. */
export function healthRoutes(http: Http, authority: Authority): void {
  const { store, broker, feed, messages } = authority
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'sealmq_broker_connections',
    help: 'Connections to the broker, as far as it tells of them',
    registers: [registry],
    collect() {
      this.set(broker.connections().length)
    },
  })
  new Gauge({
    name: 'sealmq_broker_connected',
    help: 'Whether the authority reaches the broker',
    registers: [registry],
    collect() {
      this.set(broker.state().connected ? 1 : 0)
    },
  })
  new Gauge({
    name: 'sealmq_broker_in_force',
    help: 'Whether the broker has what the store says',
    registers: [registry],
    collect() {
      this.set(broker.state().rights === 'in-force' ? 1 : 0)
    },
  })
  new Gauge({
    name: 'sealmq_change_feed_listeners',
    help: 'Clients that listen for changes',
    registers: [registry],
    collect() {
      this.set(feed.listeners)
    },
  })
  new Gauge({
    name: 'sealmq_outbox_waiting',
    help: 'Changes that the broker has not taken yet',
    registers: [registry],
    async collect() {
      const { waiting } = await store
        .selectFrom('outbox')
        .select((eb) => eb.fn.countAll<number>().as('waiting'))
        .executeTakeFirstOrThrow()
      this.set(Number(waiting))
    },
  })
  new Gauge({
    name: 'sealmq_senders_copied',
    help: 'Senders that were shut out because two installations had their credentials',
    registers: [registry],
    async collect() {
      const { copied } = await store
        .selectFrom('senders')
        .select((eb) => eb.fn.countAll<number>().as('copied'))
        .where('copied_at', 'is not', null)
        .executeTakeFirstOrThrow()
      this.set(Number(copied))
    },
  })
  auditMetrics(registry, authority)
  new Gauge({
    name: 'sealmq_audit_messages_waiting',
    help: 'Messages and connections that are not in the audit log yet',
    registers: [registry],
    collect() {
      this.set(messages.waiting)
    },
  })
  new Counter({
    name: 'sealmq_audit_messages_skipped_total',
    help: 'Messages that went by unrecorded since the start',
    registers: [registry],
    collect() {
      this.reset()
      this.inc(messages.skipped)
    },
  })
  http.get('/healthz', { schema: { tags: ['health'], response: { 200: State } } }, async () => ({ status: 'alive' }))
  http.get(
    '/readyz',
    { schema: { tags: ['health'], response: { 200: State, 503: State } } },
    async (_request, reply) => {
      try {
        await store.selectFrom('deployment').select('id').executeTakeFirstOrThrow()
        return { status: 'ready' }
      } catch {
        reply.status(503)
        return { status: 'the store does not answer' }
      }
    },
  )
  http.get('/metrics', { schema: { tags: ['health'] } }, async (_request, reply) => {
    reply.type(registry.contentType)
    return registry.metrics()
  })
}

function auditMetrics(registry: Registry, { store, now, auditCounts, disk }: Authority): void {
  const registers = [registry]
  new Gauge({
    name: 'sealmq_audit_records',
    help: 'Records of the audit log',
    registers,
    async collect() {
      const { size } = await store.selectFrom('audit_log').select('size').executeTakeFirstOrThrow()
      this.set(size)
    },
  })
  new Gauge({
    name: 'sealmq_audit_checkpoint_age_seconds',
    help: 'Time since the latest checkpoint was made',
    registers,
    async collect() {
      const latest = await store
        .selectFrom('audit_checkpoints')
        .select('time')
        .orderBy('size', 'desc')
        .limit(1)
        .executeTakeFirst()
      if (latest) this.set(Math.max(0, now() - latest.time) / 1000)
    },
  })
  new Counter({
    name: 'sealmq_audit_append_failures_total',
    help: 'Times that records could not be appended',
    registers,
    collect() {
      this.reset()
      this.inc(auditCounts.appendFailures)
    },
  })
  new Counter({
    name: 'sealmq_audit_publish_failures_total',
    help: 'Times that a checkpoint could not be published',
    labelNames: ['place'],
    registers,
    collect() {
      this.reset()
      for (const [place, failures] of auditCounts.publishFailures) this.inc({ place }, failures)
    },
  })
  new Gauge({
    name: 'sealmq_disk_free_bytes',
    help: 'Free space of the disk with the data folder',
    registers,
    collect() {
      if (disk.free !== null) this.set(disk.free)
    },
  })
}
