import { BrokerCheck, type BrokerClient, BrokerClients, BrokerStatus, routes } from '@sealmq/protocol/api'
import Type from 'typebox'
import { recordAlone } from '../audit/recording.ts'
import { AuthorityError } from '../authority-error.ts'
import type { BrokerConnection } from '../broker/interface.ts'
import { BrokerError } from '../broker/mosquitto/broker-error.ts'
import type { Authority } from './authority.ts'
import { peopleOf, requireAdministrator } from './gates.ts'
import type { Http } from './server.ts'

const params = Type.Object({ id: Type.String({ pattern: '^[1-9][0-9]{0,9}$' }) })
/** Connections in one answer. */
const mostShown = 1000

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
  http.get(routes.brokerClients, { schema: { tags, response: { 200: BrokerClients } } }, async () => {
    const { apart, protocolVersions } = broker.capabilities
    const connections = broker.connections().toSorted((a, b) => b.since - a.since)
    return {
      clients: await describeClients(authority, connections.slice(0, mostShown)),
      total: connections.length,
      kick: broker.disconnectSender !== undefined,
      apart,
      protocolVersions: [...protocolVersions],
    }
  })
  http.delete(
    routes.brokerClient,
    { config: { audit: 'broker.disconnect' }, schema: { tags, params, response: { 204: Type.Null() } } },
    async (request, reply) => {
      if (broker.disconnectSender === undefined) {
        throw new AuthorityError(
          'conflict',
          'This broker ends connections only with a change of rights. Lock the member, and unlock it again.',
        )
      }
      const sender = Number(request.params.id)
      const known = await store
        .selectFrom('senders')
        .select(['name', 'member_name'])
        .where('sender', '=', sender)
        .executeTakeFirst()
      if (!known) throw new AuthorityError('not-found', `There is no installation ${sender}.`)
      await recordAlone(peopleOf(authority, request), {
        action: 'broker.disconnect',
        on: { kind: 'sender', id: String(sender), name: known.member_name },
      })
      await broker.disconnectSender(sender)
      return reply.status(204).send(null)
    },
  )
  http.post(routes.brokerCheck, { schema: { tags, response: { 200: BrokerCheck } } }, async (request) => {
    await recordAlone(peopleOf(authority, request), { action: 'broker.check' })
    return broker.check().catch(asRefusal)
  })
}

function asRefusal(error: unknown): never {
  throw error instanceof BrokerError ? new AuthorityError('broker-failed', error.message) : error
}

async function describeClients(
  { store }: Authority,
  connections: readonly BrokerConnection[],
): Promise<BrokerClient[]> {
  if (connections.length === 0) return []
  const rows = await store
    .selectFrom('senders')
    .leftJoin('members', 'members.id', 'senders.member_id')
    .select(['sender', 'senders.name as name', 'email', 'kind'])
    .where('sender', 'in', [...new Set(connections.map(({ sender }) => sender))])
    .execute()
  const known = new Map(rows.map((row) => [row.sender, row]))
  return connections.map((connection) => {
    const { name = '', email = null, kind = null } = known.get(connection.sender) ?? {}
    return { ...connection, name, member: email, kind }
  })
}
