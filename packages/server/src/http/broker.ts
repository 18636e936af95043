import { BrokerCheck, BrokerStatus, routes } from '@sealmq/protocol/api'
import { recordAlone } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import { BrokerError } from '../broker/mosquitto/broker-error.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

/** The broker, for administrators. */
export function brokerRoutes(http: Http, authority: Authority): void {
  const { broker, brokerUrl, store } = authority
  const tags = ['broker']
  http.addHook('preValidation', async (request) => {
    await requireAdministrator(authority, request)
  })
  const status = async (): Promise<BrokerStatus> => {
    const { waiting } = await store
      .selectFrom('outbox')
      .select((eb) => eb.fn.countAll<number>().as('waiting'))
      .executeTakeFirstOrThrow()
    const { name } = broker
    const connections = broker.connections().length
    return { name, address: brokerUrl(), ...broker.state(), connections, waiting: Number(waiting) }
  }
  http.get(routes.broker, { schema: { tags, response: { 200: BrokerStatus } } }, status)
  http.post(routes.brokerReconcile, { schema: { tags, response: { 200: BrokerStatus } } }, async (request) => {
    await recordAlone(peopleOf(authority, request), { action: 'broker.reconcile' })
    await broker.reconcile().catch(asRefusal)
    return status()
  })
  http.post(routes.brokerCheck, { schema: { tags, response: { 200: BrokerCheck } } }, async (request) => {
    await recordAlone(peopleOf(authority, request), { action: 'broker.check' })
    return broker.check().catch(asRefusal)
  })
}

function asRefusal(error: unknown): never {
  throw error instanceof BrokerError ? new AuthorityError('broker-failed', error.message) : error
}
