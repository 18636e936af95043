import { type ImportedMember, routes } from '@sealmq/protocol/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { uncounted } from '../../../scripts/bar.ts'
import { endSessions } from './sessions.ts'
import { password, TestAuthority } from './test-authority.ts'

type Who = 'nobody' | 'garbage' | 'waiting' | 'member' | 'auditor' | 'sender' | 'administrator'
const everyone: Who[] = ['nobody', 'garbage', 'waiting', 'member', 'auditor', 'sender', 'administrator']
const signedIn: Who[] = ['waiting', 'member', 'auditor', 'administrator']
const approved: Who[] = ['member', 'auditor', 'administrator']
const bodies: Record<string, object> = {
  [`POST ${routes.members}`]: { email: 'x@plant.example', name: 'x', password: 'x'.repeat(3), roles: [] },
  [`POST ${routes.roles}`]: { name: 'x', grants: [{ channel: 'none', right: 'publish' }] },
  [`POST ${routes.channels}`]: { name: 'x', filters: ['a/#/b'] },
  [`PATCH ${routes.member}`]: {},
  [`PATCH ${routes.role}`]: {},
  [`PATCH ${routes.channel}`]: {},
  [`POST ${routes.senders}`]: { name: 'x', algorithm: 'ES256', publicKey: 'AAAA' },
  [`POST ${routes.sessionSenders}`]: { name: 'x', algorithm: 'ES256', publicKey: 'AAAA' },
  [`POST ${routes.stepUp}`]: {},
  [`POST ${routes.totpConfirm}`]: { otp: '' },
  [`POST ${routes.password}`]: { password: '' },
  [`POST ${routes.accountEmail}`]: { email: '' },
  [`POST ${routes.accountEmailConfirm}`]: {},
  [`POST ${routes.accountDelete}`]: {},
  [`POST ${routes.membersInvite}`]: {},
  [`POST ${routes.membersImport}`]: {},
  [`POST ${routes.memberApprove}`]: {},
  [`POST ${routes.mailTest}`]: {},
  [`POST ${routes.devices}`]: {},
  [`POST ${routes.devicesImport}`]: {},
  [`POST ${routes.renewal}`]: {},
}

/** Who is let past the gate of each route; what the route then says of an unfit request does not matter here. */
const admitted: Record<string, Who[]> = {
  [`GET ${routes.deployment}`]: everyone,
  [`GET ${routes.ca}`]: everyone,
  [`GET ${routes.me}`]: [...signedIn, 'sender'],
  [`GET ${routes.factors}`]: signedIn,
  [`POST ${routes.stepUp}`]: signedIn,
  [`POST ${routes.stepUpSend}`]: signedIn,
  [`POST ${routes.totp}`]: signedIn,
  [`POST ${routes.totpConfirm}`]: signedIn,
  [`DELETE ${routes.totp}`]: signedIn,
  [`POST ${routes.accountDelete}`]: signedIn,
  [`POST ${routes.recoveryCodes}`]: approved,
  [`GET ${routes.sessions}`]: approved,
  [`DELETE ${routes.session}`]: approved,
  [`POST ${routes.password}`]: approved,
  [`POST ${routes.accountEmail}`]: approved,
  [`POST ${routes.accountEmailConfirm}`]: approved,
  [`GET ${routes.senders}`]: approved,
  [`GET ${routes.senders}?all=true`]: ['administrator'],
  [`POST ${routes.senders}`]: approved,
  [`POST ${routes.sessionSenders}`]: approved,
  [`DELETE ${routes.sender}`]: [...approved, 'sender'],
  [`GET ${routes.keyring}`]: ['sender'],
  [`POST ${routes.renewal}`]: ['sender'],
  [`GET ${routes.changes}`]: ['sender'],
  [`GET ${routes.auditRecords}`]: ['auditor', 'administrator'],
  [`GET ${routes.auditExport}`]: ['auditor', 'administrator'],
  [`GET ${routes.auditInclusion}`]: ['auditor', 'administrator'],
  [`GET ${routes.auditCheckpoint}`]: [...approved, 'sender'],
  [`POST ${routes.auditCheckpoint}`]: [...approved, 'sender'],
  [`GET ${routes.auditConsistency}`]: [...approved, 'sender'],
  ...Object.fromEntries(
    [
      `GET ${routes.members}`,
      `POST ${routes.members}`,
      `GET ${routes.member}`,
      `PATCH ${routes.member}`,
      `DELETE ${routes.member}`,
      `POST ${routes.membersInvite}`,
      `POST ${routes.membersImport}`,
      `POST ${routes.memberApprove}`,
      `POST ${routes.memberReject}`,
      `POST ${routes.memberLock}`,
      `POST ${routes.memberUnlock}`,
      `POST ${routes.memberCode}`,
      `POST ${routes.memberResetFactor}`,
      `DELETE ${routes.memberSessions}`,
      `POST ${routes.mailTest}`,
      `GET ${routes.roles}`,
      `POST ${routes.roles}`,
      `GET ${routes.role}`,
      `PATCH ${routes.role}`,
      `DELETE ${routes.role}`,
      `GET ${routes.channels}`,
      `POST ${routes.channels}`,
      `GET ${routes.channel}`,
      `PATCH ${routes.channel}`,
      `DELETE ${routes.channel}`,
      `POST ${routes.rotate}`,
      `GET ${routes.rights}`,
      `GET ${routes.broker}`,
      `GET ${routes.brokerClients}`,
      `DELETE ${routes.brokerClient}`,
      `GET ${routes.system}`,
      `POST ${routes.brokerReconcile}`,
      `POST ${routes.brokerCheck}`,
      `GET ${routes.devices}`,
      `POST ${routes.devices}`,
      `POST ${routes.devicesImport}`,
      `GET ${routes.device}`,
      `POST ${routes.deviceTicket}`,
    ].map((route) => [route, ['administrator'] as Who[]]),
  ),
}

describe('who may ask what', () => {
  let authority: TestAuthority
  const tokens: Partial<Record<Who, string>> = { garbage: 'A'.repeat(43) }
  beforeAll(async () => {
    authority = await TestAuthority.withAdministrator()
    const member = await authority.createMember('bea', 'viewer', 'sensor', 'controller')
    tokens.member = member.token
    tokens.sender = (await authority.addSender(member.token)).token
    await authority.askAdmin('POST', routes.roles, { name: 'auditing', auditor: true, grants: [] })
    tokens.auditor = (await authority.createMember('olga', 'auditing')).token
    tokens.administrator = authority.admin
    tokens.waiting = await waitingMember(authority)
  })
  afterAll(() => authority.close())

  it('is decided for every route that exists', async () => {
    const { paths } = (await authority.ask<{ paths: Record<string, object> }>('GET', '/api/docs/json')).body
    const described = Object.entries(paths)
      .filter(([path]) => path.startsWith('/api/v1/'))
      .flatMap(([path, methods]) =>
        Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`),
      )
    const open = [
      `POST ${routes.setup}`,
      `POST ${routes.login}`,
      `POST ${routes.logout}`,
      `GET ${routes.signUp}`,
      `POST ${routes.signUp}`,
      `POST ${routes.verify}`,
      `POST ${routes.verifySend}`,
      `POST ${routes.passwordForgot}`,
      `POST ${routes.passwordReset}`,
      `DELETE ${routes.sessions}`,
      `POST ${routes.enrol}`,
    ]
    const decided = [...Object.keys(admitted).filter((route) => !route.includes('?')), ...open]
    expect(described.sort()).toEqual(decided.sort())
  })

  it.each(Object.entries(admitted))('%s', async (route, allowed) => {
    const [method, path] = route.split(' ') as [string, string]
    const url = path.replace(':id', path.startsWith(routes.senders) ? '999' : 'none')
    for (const who of everyone) {
      const answer = await fetch(authority.running.httpUrl + url, {
        method,
        headers: {
          ...(tokens[who] ? { authorization: `Bearer ${tokens[who]}` } : {}),
          ...(bodies[route] ? { 'content-type': 'application/json' } : {}),
        },
        ...(bodies[route] ? { body: JSON.stringify(bodies[route]) } : {}),
      })
      await answer.body?.cancel()
      if (allowed.includes(who)) expect([401, 403], who).not.toContain(answer.status)
      else expect(answer.status, who).toBe(refusal(who, allowed))
    }
  })

  it('checks rights before it looks at the request', async () => {
    const answer = await authority.ask('POST', routes.members, { nonsense: true }, tokens.member)
    expect(answer).toMatchObject({ status: 403, body: { code: 'not-allowed' } })
    expect(await authority.ask('POST', routes.channels, { nonsense: true })).toMatchObject({ status: 401 })
  })

  it('lets a sender remove itself and no other, and a member only its own', async () => {
    const other = await authority.addSender(authority.admin)
    const own = await authority.addSender(tokens.member!)
    const remove = (sender: number, token: string) =>
      authority.ask('DELETE', routes.sender.replace(':id', String(sender)), undefined, token)
    expect(await remove(other.sender, tokens.member!)).toMatchObject({ status: 404 })
    expect(await remove(other.sender, own.token)).toMatchObject({ status: 404 })
    expect(await remove(own.sender, own.token)).toMatchObject({ status: 204 })
    expect(await remove(own.sender, own.token)).toMatchObject({ status: 401 })
    expect(await remove(other.sender, authority.admin)).toMatchObject({ status: 204 })
  })

  it('ends a session at logout and sends headers that keep answers out of caches and frames', async () => {
    const token = await authority.logIn('bea@plant.example')
    const { headers } = await authority.ask('GET', routes.me, undefined, token)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(await authority.ask('POST', routes.logout, undefined, token)).toMatchObject({ status: 204 })
    expect(await authority.ask('GET', routes.me, undefined, token)).toMatchObject({ status: 401 })
  })

  it('ends sessions with the roles, the password, the member and the time that they stand on', () =>
    endSessions(authority, 5, uncounted))

  it('tells of itself at /metrics without names, and answers unknown paths with a sentence', async () => {
    const metrics = await (await fetch(`${authority.running.httpUrl}/metrics`)).text()
    expect(metrics).toContain('sealmq_broker_connections 0')
    expect(metrics).not.toContain('bea')
    expect(await authority.ask('GET', '/nowhere')).toMatchObject({ status: 404, body: { code: 'not-found' } })
    expect(await authority.ask('GET', '/%')).toMatchObject({ status: 400, body: { code: 'bad-request' } })
  })
})

// Whoever is signed in is told that it may not; anybody else, and senders, that it is not signed in.
const refusal = (who: Who, allowed: Who[]) => (signedIn.includes(who) && allowed.includes('administrator') ? 403 : 401)

/** A member that an import left waiting for approval. */
async function waitingMember(authority: TestAuthority): Promise<string> {
  const users = { eve: { password: 'none', role: 'viewer' } }
  const { body } = await authority.askAdmin<ImportedMember[]>('POST', routes.membersImport, { users })
  await authority.ask('POST', routes.passwordReset, { email: 'eve', code: body[0]!.code, password })
  return authority.logIn('eve')
}
