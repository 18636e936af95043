/** What the dynamic security plugin keeps, as its commands name it (mosquitto.org/documentation/dynamic-security). */
export interface SecurityState {
  defaults: DefaultAccess
  /** Of clients without a user name; empty for none. */
  anonymousGroup: string
  roles: Map<string, Acl[]>
  groups: Map<string, GroupState>
  /** By user name. */
  clients: Map<string, ClientState>
}

/** What is allowed where no ACL says anything. */
export type DefaultAccess = Record<'publishClientSend' | 'publishClientReceive' | 'subscribe' | 'unsubscribe', boolean>

export interface Acl {
  acltype: string
  topic: string
  allow: boolean
  priority: number
}

export interface GroupState {
  /** Names of roles. */
  roles: string[]
  /** User names. */
  clients: string[]
}

export interface ClientState {
  groups: string[]
  /** Roles of its own, beside those of its groups. */
  roles: string[]
  /** The only client id that it may connect with; null for any. */
  clientId: string | null
  disabled: boolean
  /** Changes with the password, which the plugin tells nobody. */
  mark: string
}

/** One command to the plugin. */
export interface Command {
  command: string
  [parameter: string]: unknown
}

const prefix = 'sealmq-'

/** As whom the authority receives what is recorded, and publishes what it says itself; also its role and group. */
export const observerName = `${prefix}observer`

/** Role and group of one of the authority's roles. */
export const securityName = (role: string): string => `${prefix}${role}`

/** Whether a role or group was made by the authority. */
export const isOwnName = (name: string): boolean => name.startsWith(prefix)

/** Whether a client was made by the authority: senders, and those with which it checks the broker. */
export const isOwnClient = (username: string): boolean =>
  /^sender-[1-9][0-9]*$/.test(username) || username.startsWith(prefix)

/** Only what is granted is allowed. Taking back a subscription of one's own gives nothing to anybody. */
export const denyingDefaults: DefaultAccess = {
  publishClientSend: false,
  publishClientReceive: false,
  subscribe: false,
  unsubscribe: true,
}
