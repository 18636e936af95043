import { BrokerError } from './broker-error.ts'
import type { Answer, ControlConnection } from './control-connection.ts'
import type { Acl, ClientState, Command, DefaultAccess, SecurityState } from './security-state.ts'

/** Of clients, groups and roles in one answer: an answer must stay below the broker's largest packet. */
const page = { clients: 250, groups: 10, roles: 20 } as const

type Request = Pick<ControlConnection, 'request'>

interface NamedRole {
  rolename: string
}
interface NamedGroup {
  groupname: string
}
interface ClientData {
  username: string
  clientid?: string
  disabled?: boolean
  textdescription?: string
  roles?: NamedRole[]
  groups?: NamedGroup[]
}
interface GroupData extends NamedGroup {
  roles?: NamedRole[]
  clients?: { username: string }[]
}
interface RoleData extends NamedRole {
  acls?: Acl[]
}

/** Everything that the plugin has. @throws BrokerError */
export async function readState(connection: Request): Promise<SecurityState> {
  const state = emptyState()
  await readDefaults(connection, state)
  for (const data of await pages<ClientData>(connection, 'clients')) takeClient(state, data)
  for (const data of await pages<GroupData>(connection, 'groups')) takeGroup(state, data)
  for (const data of await pages<RoleData>(connection, 'roles')) takeRole(state, data)
  return state
}

/** These clients, and the groups and roles of these names and those that the clients have. @throws BrokerError */
export async function readPart(
  connection: Request,
  usernames: readonly string[],
  names: readonly string[],
): Promise<SecurityState> {
  const state = emptyState()
  await readDefaults(connection, state)
  await readEach(connection, usernames, 'getClient', 'username', ({ client }) =>
    takeClient(state, client as unknown as ClientData),
  )
  const groups = new Set([...names, ...[...state.clients.values()].flatMap((client) => client.groups)])
  await readEach(connection, [...groups], 'getGroup', 'groupname', ({ group }) =>
    takeGroup(state, group as unknown as GroupData),
  )
  const roles = new Set([...names, ...groups])
  await readEach(connection, [...roles], 'getRole', 'rolename', ({ role }) =>
    takeRole(state, role as unknown as RoleData),
  )
  return state
}

const emptyState = (): SecurityState => ({
  defaults: { publishClientSend: true, publishClientReceive: true, subscribe: true, unsubscribe: true },
  anonymousGroup: '',
  roles: new Map(),
  groups: new Map(),
  clients: new Map(),
})

async function readDefaults(connection: Request, state: SecurityState): Promise<void> {
  const [access, anonymous] = await connection.request([
    { command: 'getDefaultACLAccess' },
    { command: 'getAnonymousGroup' },
  ])
  const acls = (access?.data?.acls ?? []) as { acltype: keyof DefaultAccess; allow: boolean }[]
  for (const { acltype, allow } of acls) state.defaults[acltype] = allow
  state.anonymousGroup = (anonymous?.data?.group as NamedGroup | undefined)?.groupname ?? ''
}

async function pages<T>(connection: Request, kind: keyof typeof page): Promise<T[]> {
  const command = `list${kind[0]!.toUpperCase()}${kind.slice(1)}`
  const all: T[] = []
  for (;;) {
    const [answer] = await connection.request([{ command, verbose: true, count: page[kind], offset: all.length }])
    if (!answer || answer.error !== undefined) throw new BrokerError('broker-command', `${command}: ${answer?.error}.`)
    const items = (answer.data?.[kind] ?? []) as T[]
    all.push(...items)
    if (items.length < page[kind]) return all
  }
}

// What does not exist is answered with an error, and is then not in the state.
async function readEach(
  connection: Request,
  names: readonly string[],
  command: string,
  parameter: string,
  take: (data: NonNullable<Answer['data']>) => void,
): Promise<void> {
  for (let at = 0; at < names.length; at += page.roles) {
    const commands: Command[] = names.slice(at, at + page.roles).map((name) => ({ command, [parameter]: name }))
    for (const { data } of await connection.request(commands)) if (data) take(data)
  }
}

function takeClient(state: SecurityState, data: ClientData): void {
  const client: ClientState = {
    groups: (data.groups ?? []).map(({ groupname }) => groupname),
    roles: (data.roles ?? []).map(({ rolename }) => rolename),
    clientId: data.clientid ?? null,
    disabled: data.disabled ?? false,
    mark: data.textdescription ?? '',
  }
  state.clients.set(data.username, client)
}

function takeGroup(state: SecurityState, data: GroupData): void {
  state.groups.set(data.groupname, {
    roles: (data.roles ?? []).map(({ rolename }) => rolename),
    clients: (data.clients ?? []).map(({ username }) => username),
  })
}

function takeRole(state: SecurityState, data: RoleData): void {
  const acls = (data.acls ?? []).map(({ acltype, topic, allow, priority }) => ({
    acltype,
    topic,
    allow,
    priority: priority ?? 0,
  }))
  state.roles.set(data.rolename, acls)
}
