/**
 * Every path of the HTTP contract. {id} is a UUID or a URL-encoded name (members: also the email).
 * Bearer: S = session of a person, T = token of a sender, A = session of an administrator.
 */
export const routes = {
  /** GET → DeploymentInfo. Open. */
  deployment: '/api/v1/deployment',
  /** POST SetupRequest → Session (201). Open until the first administrator exists. */
  setup: '/api/v1/setup',
  /** POST LoginRequest → Session. Open. */
  login: '/api/v1/login',
  /** POST → 204. S. */
  logout: '/api/v1/logout',
  /** GET → Me. S or T. */
  me: '/api/v1/me',
  /** GET → SenderInfo[] (own; an administrator adds ?all=true). POST SenderRequest → SenderCreated (201). S. */
  senders: '/api/v1/senders',
  /** DELETE → 204. S (own or A), or T (itself). */
  sender: '/api/v1/senders/:id',
  /** GET → Keyring. T. */
  keyring: '/api/v1/keyring',
  /** GET → server-sent events: `event: change`, `data: {"revision":N}`; comment lines as heartbeat. T. */
  changes: '/api/v1/changes',
  /** GET → MemberInfo[]. POST MemberCreate → MemberInfo (201). A. */
  members: '/api/v1/members',
  /** GET, PATCH MemberChange → MemberInfo; DELETE → 204. A. */
  member: '/api/v1/members/:id',
  /** GET → RoleInfo[]. POST RoleCreate → RoleInfo (201). A. */
  roles: '/api/v1/roles',
  /** GET, PATCH RoleChange → RoleInfo; DELETE → 204. A. */
  role: '/api/v1/roles/:id',
  /** GET → ChannelInfo[]. POST ChannelCreate → ChannelInfo (201). A. */
  channels: '/api/v1/channels',
  /** GET, PATCH ChannelChange → ChannelInfo; DELETE → 204. A. */
  channel: '/api/v1/channels/:id',
  /** POST → ChannelInfo with the new epoch. A. */
  rotate: '/api/v1/channels/:id/rotate',
} as const
