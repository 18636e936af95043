import type { DesiredClient, DesiredState } from './desired-state.ts'
import {
  type Acl,
  type ClientState,
  type Command,
  denyingDefaults,
  isOwnClient,
  isOwnName,
  observerName,
  type SecurityState,
} from './security-state.ts'

export interface DifferenceOptions {
  /** Whatever the authority does not know is taken away. */
  exclusive: boolean
  /** The user name with which the authority itself is connected; neither it nor its roles are ever touched. */
  administrator: string
}

/** What brings a broker to the desired state. */
export interface Difference {
  /** In an order in which no client may at any moment do what it could neither before nor afterwards. */
  commands: Command[]
  /** A sentence for each thing that is not as it should be. */
  drift: string[]
}

/**
 * Compares what a broker has with what it should have. Clients, roles and groups of others are left alone, unless they hold
 * what is the authority's, or exclusive says otherwise. Pure; read and desired may both be a part of the whole.
 */
export function difference(
  desired: DesiredState,
  actual: SecurityState,
  { exclusive, administrator }: DifferenceOptions,
): Difference {
  // What takes, then what roles hold, then what gives; new roles get their ACLs last, since each command before writes them all.
  const taking: Command[] = []
  const roles: Command[] = []
  const giving: Command[] = []
  const filling: Command[] = []
  const clearing: Command[] = []
  const drift: string[] = []
  const defaults = differingDefaults(actual)
  if (defaults.length > 0) {
    taking.push({ command: 'setDefaultACLAccess', acls: defaults })
    drift.push(`Allowed by default: ${defaults.map(({ acltype }) => acltype).join(', ')}.`)
  }
  const kept = keptRoles(actual, administrator)
  const keptGroups = actual.clients.get(administrator)?.groups ?? []
  const lessened = new Map<string, ClientState>()
  for (const [username, client] of actual.clients) {
    if (desired.clients.has(username) || username === administrator) continue
    if (isOwnClient(username) || exclusive) {
      taking.push({ command: 'deleteClient', username })
      drift.push(`The client ${username} is nobody's.`)
      continue
    }
    for (const rolename of client.roles.filter(isOwnName)) {
      taking.push({ command: 'removeClientRole', username, rolename })
      drift.push(`The client ${username} of somebody else has the role ${rolename}.`)
    }
  }
  for (const [groupname, group] of actual.groups) {
    if (keptGroups.includes(groupname)) continue
    if (isOwnName(groupname)) {
      for (const username of group.clients) {
        if (desired.clients.has(username) || isOwnClient(username) || (exclusive && username !== administrator))
          continue
        taking.push({ command: 'removeGroupClient', groupname, username })
        drift.push(`The client ${username} of somebody else is in the group ${groupname}.`)
      }
    } else if (exclusive) {
      taking.push({ command: 'deleteGroup', groupname })
      drift.push(`The group ${groupname} is unknown.`)
    } else {
      for (const rolename of group.roles.filter(isOwnName)) {
        taking.push({ command: 'removeGroupRole', groupname, rolename })
        drift.push(`The group ${groupname} of somebody else has the role ${rolename}.`)
      }
    }
  }
  for (const [username, wanted] of desired.clients) {
    const client = actual.clients.get(username)
    if (!client) continue
    const holds = wanted.groups.filter((group) => client.groups.includes(group))
    if (holds.length === client.groups.length && client.roles.length === 0) continue
    taking.push({ command: 'modifyClient', username, roles: [], groups: named(holds) })
    drift.push(`The client ${username} has roles or groups that are not its own.`)
    lessened.set(username, { ...client, roles: [], groups: holds })
  }
  for (const [name, acls] of desired.roles) {
    const role = actual.roles.get(name)
    const group = actual.groups.get(name)
    if (!role) {
      roles.push({ command: 'createRole', rolename: name })
      if (acls.length > 0) filling.push({ command: 'modifyRole', rolename: name, acls })
      drift.push(`The role ${name} is missing.`)
    } else if (!sameAcls(role, acls)) {
      roles.push({ command: 'modifyRole', rolename: name, acls })
      drift.push(`The role ${name} has other ACLs.`)
    }
    const groupRoles = [{ rolename: name }]
    if (!group) {
      roles.push({ command: 'createGroup', groupname: name, roles: groupRoles })
      drift.push(`The group ${name} is missing.`)
      continue
    }
    const holds = group.roles.includes(name)
    if (!holds || group.roles.length > 1) drift.push(`The group ${name} has other roles.`)
    if (group.roles.length > (holds ? 1 : 0))
      taking.push({ command: 'modifyGroup', groupname: name, roles: holds ? groupRoles : [] })
    // Changing a role ends no connection; changing a group ends those of all its clients.
    // The observer would miss messages, and its rights count at once without that.
    const isChanged = !role || (!sameAcls(role, acls) && name !== observerName)
    if (!holds || isChanged) roles.push({ command: 'modifyGroup', groupname: name, roles: groupRoles })
  }
  for (const [username, wanted] of desired.clients) {
    const client = lessened.get(username) ?? actual.clients.get(username)
    if (client) giving.push(...clientCommands(username, wanted, client, drift))
    else {
      giving.push({
        command: 'createClient',
        username,
        password: wanted.password(),
        textdescription: wanted.mark,
        groups: named(wanted.groups),
      })
      drift.push(`The client ${username} is missing.`)
    }
  }
  for (const groupname of actual.groups.keys()) {
    if (!isOwnName(groupname) || desired.roles.has(groupname)) continue
    clearing.push({ command: 'deleteGroup', groupname })
    drift.push(`The group ${groupname} is nobody's.`)
  }
  for (const rolename of actual.roles.keys()) {
    if (desired.roles.has(rolename) || kept.has(rolename) || !(isOwnName(rolename) || exclusive)) continue
    clearing.push({ command: 'deleteRole', rolename })
    drift.push(`The role ${rolename} is ${isOwnName(rolename) ? "nobody's" : 'unknown'}.`)
  }
  return { commands: [...taking, ...roles, ...giving, ...filling, ...clearing], drift }
}

function differingDefaults({ defaults }: SecurityState) {
  return Object.entries(denyingDefaults)
    .filter(([acltype, allow]) => defaults[acltype as keyof typeof defaults] !== allow)
    .map(([acltype, allow]) => ({ acltype, allow }))
}

function keptRoles(actual: SecurityState, administrator: string): Set<string> {
  const client = actual.clients.get(administrator)
  const groups = (client?.groups ?? []).flatMap((group) => actual.groups.get(group)?.roles ?? [])
  return new Set([...(client?.roles ?? []), ...groups])
}

function clientCommands(username: string, wanted: DesiredClient, client: ClientState, drift: string[]): Command[] {
  const commands: Command[] = []
  if (client.mark !== wanted.mark) {
    // The mark comes after the password: what fails in between is done again.
    commands.push({ command: 'setClientPassword', username, password: wanted.password() })
    commands.push({ command: 'modifyClient', username, textdescription: wanted.mark })
    drift.push(`The client ${username} has another password.`)
  }
  if (client.groups.length < wanted.groups.length) {
    commands.push({ command: 'modifyClient', username, groups: named(wanted.groups) })
    drift.push(`The client ${username} lacks groups.`)
  }
  if (client.clientId !== null) {
    commands.push({ command: 'setClientId', username })
    drift.push(`The client ${username} is bound to a client id.`)
  }
  if (client.disabled) {
    commands.push({ command: 'enableClient', username })
    drift.push(`The client ${username} is disabled.`)
  }
  return commands
}

const named = (groups: readonly string[]) => groups.map((groupname) => ({ groupname }))

const aclKey = ({ acltype, topic, allow, priority }: Acl) => JSON.stringify([acltype, topic, allow, priority])

function sameAcls(one: readonly Acl[], other: readonly Acl[]): boolean {
  const keys = new Set(one.map(aclKey))
  return keys.size === new Set(other.map(aclKey)).size && other.every((acl) => keys.has(aclKey(acl)))
}
