import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import Type from 'typebox'
import type { Authority } from './authority.ts'
import type { Http } from './server.ts'

const State = Type.Object({ status: Type.String() })

/** Is it alive, is it ready, how does it do. None of it tells who is connected. */
export function healthRoutes(http: Http, { store, broker, feed }: Authority): void {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  new Gauge({
    name: 'sealmq_broker_connections',
    help: 'Connections to the embedded broker',
    registers: [registry],
    collect() {
      this.set(broker.connections().length)
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
