import type { Acl, ClientState, Command, SecurityState } from '../src/broker/mosquitto/security-state.ts'

/** The plugin's commands on a state in memory, as its documentation and a real Mosquitto have them. */
export class SecurityModel {
  readonly state: SecurityState
  readonly passwords = new Map<string, unknown>()
  /** Clients whose connections were ended. */
  readonly kicked = new Set<string>()

  constructor(state: SecurityState) {
    this.state = structuredClone(state)
  }

  /** @throws Error where the plugin answers with an error */
  apply(command: Command): void {
    const { username, groupname, rolename } = command as unknown as Record<string, string>
    const { clients, groups, roles } = this.state
    const client = clients.get(username!)
    const group = groups.get(groupname!)
    const need = <T>(value: T | undefined): T => {
      if (value === undefined) throw new Error(`${command.command} of nothing: ${JSON.stringify(command)}`)
      return value
    }
    switch (command.command) {
      case 'setDefaultACLAccess':
        for (const { acltype, allow } of command.acls as { acltype: keyof SecurityState['defaults']; allow: boolean }[])
          this.state.defaults[acltype] = allow
        break
      case 'createRole':
        if (roles.has(rolename!)) throw new Error('the role exists')
        roles.set(rolename!, (command.acls as Acl[] | undefined) ?? [])
        break
      case 'modifyRole':
        need(roles.get(rolename!))
        roles.set(rolename!, command.acls as Acl[])
        break
      case 'deleteRole':
        need(roles.get(rolename!))
        roles.delete(rolename!)
        for (const holder of [...clients.values(), ...groups.values()])
          holder.roles = holder.roles.filter((name) => name !== rolename)
        break
      case 'createGroup':
        if (group) throw new Error('the group exists')
        groups.set(groupname!, { roles: names(command.roles, 'rolename').map((name) => this.#role(name)), clients: [] })
        break
      case 'modifyGroup':
        need(group).roles = names(command.roles, 'rolename').map((name) => this.#role(name))
        for (const member of group!.clients) this.kicked.add(member)
        break
      case 'deleteGroup':
        for (const member of need(group).clients) this.#leave(member, groupname!)
        groups.delete(groupname!)
        break
      case 'removeGroupRole':
        need(group).roles = group!.roles.filter((name) => name !== rolename)
        break
      case 'removeGroupClient':
        need(group)
        this.#leave(username!, groupname!)
        break
      case 'createClient':
        if (client) throw new Error('the client exists')
        clients.set(username!, {
          groups: [],
          roles: [],
          clientId: null,
          disabled: false,
          mark: command.textdescription as string,
        })
        this.passwords.set(username!, command.password)
        this.#join(username!, names(command.groups, 'groupname'))
        break
      case 'modifyClient':
        this.kicked.add(username!)
        if (command.textdescription !== undefined) need(client).mark = command.textdescription as string
        if (command.roles !== undefined)
          need(client).roles = names(command.roles, 'rolename').map((name) => this.#role(name))
        if (command.groups !== undefined) this.#join(username!, names(command.groups, 'groupname'))
        break
      case 'setClientPassword':
        need(client)
        this.kicked.add(username!)
        this.passwords.set(username!, command.password)
        break
      case 'deleteClient':
        need(client)
        this.kicked.add(username!)
        this.#join(username!, [])
        clients.delete(username!)
        break
      case 'removeClientRole':
        need(client).roles = client!.roles.filter((name) => name !== rolename)
        break
      case 'setClientId':
        need(client).clientId = null
        break
      case 'enableClient':
        need(client).disabled = false
        break
      default:
        throw new Error(`no command ${command.command}`)
    }
  }

  /** What a client may do: its ACLs as text. */
  rightsOf(username: string): Set<string> {
    const client = this.state.clients.get(username)
    if (!client || client.disabled) return new Set()
    const roles = [...client.roles, ...client.groups.flatMap((name) => this.state.groups.get(name)?.roles ?? [])]
    return new Set(roles.flatMap((name) => this.state.roles.get(name) ?? []).map((acl) => JSON.stringify(acl)))
  }

  #role(name: string): string {
    if (!this.state.roles.has(name)) throw new Error(`no role ${name}`)
    return name
  }

  #join(username: string, groups: readonly string[]): void {
    const client = this.state.clients.get(username) as ClientState
    for (const name of client.groups) this.#leave(username, name)
    for (const name of groups) {
      const group = this.state.groups.get(name)
      if (!group) throw new Error(`no group ${name}`)
      group.clients.push(username)
    }
    client.groups = [...groups]
  }

  #leave(username: string, groupname: string): void {
    const client = this.state.clients.get(username)
    if (client) client.groups = client.groups.filter((name) => name !== groupname)
    const group = this.state.groups.get(groupname)
    if (group) group.clients = group.clients.filter((name) => name !== username)
  }
}

function names(list: unknown, key: string): string[] {
  return ((list ?? []) as Record<string, string>[]).map((item) => item[key]!)
}
