/**
 * Every path of the HTTP contract. {id} is a UUID or a URL-encoded name (members: also the email).
 * Bearer: S = session of a person, T = token of a sender, A = session of an administrator. L = also a session that is
 * limited (waiting for approval, or for the authenticator that a role asks for). F = with a fresh factor (step-up); every
 * change by an administrator asks for it too. R = session of an administrator or an auditor.
 */
export const routes = {
  /** GET → DeploymentInfo. Open. */
  deployment: '/api/v1/deployment',
  /** GET → PEM of the CA that the authority's certificate comes from; 404 when it is none of its own. Open. */
  ca: '/api/v1/ca',
  /** POST SetupRequest → Session (201). Open until the first administrator exists. */
  setup: '/api/v1/setup',
  /** POST LoginRequest → Session. Open. */
  login: '/api/v1/login',
  /** GET → SignUpChoices. POST SignUpRequest → SignUpStarted (202). Open. */
  signUp: '/api/v1/sign-up',
  /** POST VerifyRequest → Verified. Open. */
  verify: '/api/v1/verify',
  /** POST AddressRequest → CodeSent (202): a code that proves the address of an account that exists. Open. */
  verifySend: '/api/v1/verify/send',
  /** POST AddressRequest → CodeSent (202). Open. */
  passwordForgot: '/api/v1/password/forgot',
  /** POST PasswordReset → 204; the code was mailed, or handed over by an administrator. Open. */
  passwordReset: '/api/v1/password/reset',
  /** POST PasswordChange → 204; ends all other sessions. S F. */
  password: '/api/v1/password',
  /** POST → 204. S L. */
  logout: '/api/v1/logout',
  /** POST StepUpRequest → SteppedUp. S L. */
  stepUp: '/api/v1/step-up',
  /** POST → CodeSent (202): the code for a step-up, by mail. S L. */
  stepUpSend: '/api/v1/step-up/send',
  /** GET → Me. S L or T. */
  me: '/api/v1/me',
  /** GET → Factors. S L. */
  factors: '/api/v1/factors',
  /** POST → TotpEnrolment (201). DELETE → 204. S L F. */
  totp: '/api/v1/factors/totp',
  /** POST TotpConfirmation → RecoveryCodes. S L F. */
  totpConfirm: '/api/v1/factors/totp/confirm',
  /** POST → RecoveryCodes: ten new ones, the old end. S F. */
  recoveryCodes: '/api/v1/factors/recovery-codes',
  /** GET → SessionInfo[]. DELETE → 204: all others. S. */
  sessions: '/api/v1/sessions',
  /** DELETE → 204. S (own). */
  session: '/api/v1/sessions/:id',
  /** POST EmailChange → CodeSent (202), to the new address. S F. */
  accountEmail: '/api/v1/account/email',
  /** POST EmailConfirmation → 204. S F. */
  accountEmailConfirm: '/api/v1/account/email/confirm',
  /** POST PasswordOnly → 204. S L F. */
  accountDelete: '/api/v1/account/delete',
  /** GET → SenderInfo[] (own; an administrator adds ?all=true). S. POST SenderRequest → SenderCreated (201). S F. */
  senders: '/api/v1/senders',
  /** POST SenderRequest → SenderCreated (201): lives as long as the session that asks. S. */
  sessionSenders: '/api/v1/session/senders',
  /** DELETE → 204. S F (own or A), or T (itself). */
  sender: '/api/v1/senders/:id',
  /** GET → Keyring. T. */
  keyring: '/api/v1/keyring',
  /** GET → server-sent events: `event: change`, `data: {"revision":N}`; comment lines as heartbeat. T. */
  changes: '/api/v1/changes',
  /** GET → MemberInfo[]. POST MemberCreate → MemberInfo (201). A. */
  members: '/api/v1/members',
  /** GET, PATCH MemberChange → MemberInfo; DELETE → 204. A. */
  member: '/api/v1/members/:id',
  /** POST Invitation → HandedCode (201). A F. */
  membersInvite: '/api/v1/members/invite',
  /** POST MembersImport → ImportedMember[]. A F. */
  membersImport: '/api/v1/members/import',
  /** POST Approval → MemberInfo. A F. */
  memberApprove: '/api/v1/members/:id/approve',
  /** POST → 204: the request is refused and the account removed. A F. */
  memberReject: '/api/v1/members/:id/reject',
  /** POST → MemberInfo: sessions end, senders are shut out until it is unlocked. A F. */
  memberLock: '/api/v1/members/:id/lock',
  /** POST → MemberInfo: ends a lock by hand and one by wrong tries. A F. */
  memberUnlock: '/api/v1/members/:id/unlock',
  /** POST → HandedCode: a code to set a password with. A F. */
  memberCode: '/api/v1/members/:id/code',
  /** POST → MemberInfo: authenticator and recovery codes are forgotten, sessions end. A F. */
  memberResetFactor: '/api/v1/members/:id/reset-factor',
  /** DELETE → 204: all sessions of the member end. A F. */
  memberSessions: '/api/v1/members/:id/sessions',
  /** POST AddressRequest → MailTestResult. A. */
  mailTest: '/api/v1/mail/test',
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
  /** GET RightsQuery → RightsAnswer: may this member do that, and by which rule? A. */
  rights: '/api/v1/rights',
  /** GET → BrokerStatus. A. */
  broker: '/api/v1/broker',
  /** POST → BrokerStatus, when the broker has what the store says. A. */
  brokerReconcile: '/api/v1/broker/reconcile',
  /** POST → BrokerCheck. A. */
  brokerCheck: '/api/v1/broker/check',
  /** GET → BrokerClients: who is connected, as far as the broker tells. A. */
  brokerClients: '/api/v1/broker/clients',
  /** DELETE → 204: the connections of this sender end; it may connect anew. {id} is its number. A F. */
  brokerClient: '/api/v1/broker/clients/:id',
  /** GET → SystemStatus. A. */
  system: '/api/v1/system',
  /** GET DevicesQuery → DevicePage. POST DeviceCreate → DeviceTicket (201). Lock, unlock, removal, roles: as of any member. A F. */
  devices: '/api/v1/devices',
  /** POST DevicesImport → DeviceTicket[]: all or none. A F. */
  devicesImport: '/api/v1/devices/import',
  /** GET → DeviceInfo. A. */
  device: '/api/v1/devices/:id',
  /** POST → DeviceTicket: to enrol it anew; its senders end when it is used. A F. */
  deviceTicket: '/api/v1/devices/:id/ticket',
  /** POST EnrolRequest → SenderCreated (201). Open: the ticket's code is the proof. */
  enrol: '/api/v1/enrol',
  /** POST RenewalRequest: from its first use on it is the sender's token. T. */
  renewal: '/api/v1/renewal',
  /** GET AuditQuery → AuditPage. R. */
  auditRecords: '/api/v1/audit/records',
  /** GET → JSON lines as docs/audit.md describes them; ?from=POSITION leaves out what is before. R. */
  auditExport: '/api/v1/audit/export',
  /** GET → AuditCheckpoint, the latest. POST → AuditCheckpoint of now (201). S or T. */
  auditCheckpoint: '/api/v1/audit/checkpoint',
  /** GET ConsistencyQuery → ConsistencyProof. S or T. */
  auditConsistency: '/api/v1/audit/consistency',
  /** GET InclusionQuery → InclusionProof. R. */
  auditInclusion: '/api/v1/audit/inclusion',
} as const
