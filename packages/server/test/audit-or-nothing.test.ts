import {
  type ChannelInfo,
  type DeviceTicket,
  type HandedCode,
  type RoleInfo,
  routes,
  type SenderCreated,
  type SessionInfo,
  type SignUpStarted,
  type TotpEnrolment,
} from '@sealmq/protocol/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { newSecret } from '../src/identity/secrets.ts'
import { AuditStage, senderRequest } from './audit-stage.ts'
import { onEachEngine } from './engines.ts'
import { at, password, totpCode } from './test-authority.ts'
import { hour, minute } from './test-clock.ts'

const next = 'quite another long phrase 7'

/** What is asked for: a path with its id, a body, a token. */
interface Asked {
  path?: string
  body?: object | undefined
  token?: string
}
/** A route, in which case, and how everything is made ready, so that it would be done. */
type Case = [route: string, what: string, prepare: (stage: AuditStage) => Promise<() => Asked | Promise<Asked>>]

const ofMember =
  (route: string, body?: object, kind: 'player' | 'totpPlayer' = 'player'): Case[2] =>
  async (stage) => {
    const { id } = await stage[kind]('viewer')
    return () => ({ path: at(route, id), body, token: stage.ada.token })
  }
const own =
  (body?: object): Case[2] =>
  async (stage) => {
    const { token } = await stage.player('viewer')
    return () => ({ body, token })
  }
const asAdministrator =
  (body?: object): Case[2] =>
  async ({ ada }) =>
  () => ({ body, token: ada.token })
const waiting =
  (route: string, body?: object): Case[2] =>
  async (stage) => {
    const email = await stage.authority.signUp(stage.newName())
    return () => ({ path: at(route, email), body, token: stage.ada.token })
  }
const ofChannel =
  (route: string, body?: object): Case[2] =>
  async (stage) => {
    const name = stage.newName()
    const { id } = await stage.done<ChannelInfo>('POST', routes.channels, { name, filters: [name] }, stage.ada.token)
    return () => ({ path: at(route, id), body, token: stage.ada.token })
  }
const ofRole =
  (body?: object): Case[2] =>
  async (stage) => {
    const role = { name: stage.newName(), grants: [{ channel: 'login', right: 'publish' }] }
    const { id } = await stage.done<RoleInfo>('POST', routes.roles, role, stage.ada.token)
    return () => ({ path: at(routes.role, id), body, token: stage.ada.token })
  }

const newDevice = (stage: AuditStage) =>
  stage.done<DeviceTicket>('POST', routes.devices, { name: stage.newName(), roles: ['viewer'] }, stage.ada.token)

const cases: Case[] = [
  [
    `POST ${routes.login}`,
    'password alone',
    async (stage) => {
      const { email } = await stage.player('viewer')
      return () => ({ body: { email, password } })
    },
  ],
  [
    `POST ${routes.login}`,
    'mailed code',
    async (stage) => {
      const { email } = await stage.mailedPlayer()
      await stage.ask('POST', routes.login, { email, password })
      const otp = await stage.code(email)
      return () => ({ body: { email, password, otp } })
    },
  ],
  [
    `POST ${routes.login}`,
    'authenticator',
    async (stage) => {
      const { email, otp } = await stage.totpPlayer()
      return () => ({ body: { email, password, otp: otp() } })
    },
  ],
  [
    `POST ${routes.login}`,
    'recovery code',
    async (stage) => {
      const { email, recoveryCodes } = await stage.totpPlayer()
      return () => ({ body: { email, password, recoveryCode: recoveryCodes[0] } })
    },
  ],
  [
    `POST ${routes.signUp}`,
    'a new address',
    async (stage) => {
      const name = stage.newName()
      return () => ({ body: { email: `${name}@plant.example`, name, password, role: 'viewer' } })
    },
  ],
  [
    `POST ${routes.verify}`,
    'a sign-up',
    async (stage) => {
      const name = stage.newName()
      const email = `${name}@plant.example`
      const { signUp } = await stage.done<SignUpStarted>('POST', routes.signUp, {
        email,
        name,
        password,
        role: 'viewer',
      })
      const code = await stage.code(email)
      return () => ({ body: { email, code, signUp } })
    },
  ],
  [
    `POST ${routes.verify}`,
    'a member',
    async (stage) => {
      const { email } = await stage.player()
      await stage.done('POST', routes.verifySend, { email })
      const code = await stage.code(email)
      return () => ({ body: { email, code } })
    },
  ],
  [
    `POST ${routes.verifySend}`,
    'a member',
    async (stage) => {
      const { email } = await stage.player()
      return () => ({ body: { email } })
    },
  ],
  [
    `POST ${routes.passwordForgot}`,
    'a member',
    async (stage) => {
      const { email } = await stage.player()
      return () => ({ body: { email } })
    },
  ],
  [
    `POST ${routes.passwordReset}`,
    'mailed code',
    async (stage) => {
      const { email } = await stage.player()
      await stage.done('POST', routes.passwordForgot, { email })
      const code = await stage.code(email)
      return () => ({ body: { email, code, password: next } })
    },
  ],
  [
    `POST ${routes.passwordReset}`,
    'handed code',
    async (stage) => {
      const invited = { email: stage.newName(), name: 'Fay', roles: ['viewer'] }
      const { code } = await stage.done<HandedCode>('POST', routes.membersInvite, invited, stage.ada.token)
      return () => ({ body: { email: invited.email, code, password: next } })
    },
  ],
  [`POST ${routes.password}`, 'own', own({ password, newPassword: next })],
  [`POST ${routes.logout}`, 'own', own()],
  [`POST ${routes.stepUp}`, 'password', own({ password })],
  [
    `POST ${routes.stepUp}`,
    'authenticator',
    async (stage) => {
      const { token, otp } = await stage.totpPlayer()
      return () => ({ body: { otp: otp() }, token })
    },
  ],
  [
    `POST ${routes.stepUp}`,
    'mailed code',
    async (stage) => {
      const { token, email } = await stage.mailedPlayer()
      await stage.done('POST', routes.stepUpSend, undefined, token)
      const otp = await stage.code(email)
      return () => ({ body: { otp }, token })
    },
  ],
  [
    `POST ${routes.stepUpSend}`,
    'mailed code',
    async (stage) => {
      const { token } = await stage.mailedPlayer()
      return () => ({ token })
    },
  ],
  [
    `POST ${routes.totpConfirm}`,
    'own',
    async (stage) => {
      const { token, email } = await stage.player()
      await stage.authority.proveAddress(email)
      const { secret } = await stage.done<TotpEnrolment>('POST', routes.totp, undefined, token)
      return () => ({ body: { otp: totpCode(secret, stage.clock.time) }, token })
    },
  ],
  [
    `DELETE ${routes.totp}`,
    'own',
    async (stage) => {
      const { token } = await stage.totpPlayer()
      return () => ({ token })
    },
  ],
  [
    `POST ${routes.recoveryCodes}`,
    'own',
    async (stage) => {
      const { token } = await stage.totpPlayer()
      return () => ({ token })
    },
  ],
  [
    `DELETE ${routes.sessions}`,
    'all others',
    async (stage) => {
      const { token, email } = await stage.player()
      await stage.logIn(email)
      return () => ({ token })
    },
  ],
  [
    `DELETE ${routes.session}`,
    'another',
    async (stage) => {
      const { token, email } = await stage.player()
      await stage.logIn(email)
      const sessions = await stage.done<SessionInfo[]>('GET', routes.sessions, undefined, token)
      const { id } = sessions.find(({ current }) => !current)!
      return () => ({ path: at(routes.session, id), token })
    },
  ],
  [
    `POST ${routes.accountEmail}`,
    'a free address',
    async (stage) => {
      const { token, email } = await stage.player()
      return () => ({ body: { email: `new-${email}`, password }, token })
    },
  ],
  [
    `POST ${routes.accountEmailConfirm}`,
    'own',
    async (stage) => {
      const { token, email } = await stage.player()
      await stage.done('POST', routes.accountEmail, { email: `new-${email}`, password }, token)
      const code = await stage.code(`new-${email}`)
      return () => ({ body: { code }, token })
    },
  ],
  [`POST ${routes.accountDelete}`, 'own', own({ password })],
  [
    `POST ${routes.sessionSenders}`,
    'own',
    async (stage) => {
      const { token } = await stage.player('viewer')
      const body = await senderRequest()
      return () => ({ body, token })
    },
  ],
  [
    `POST ${routes.senders}`,
    'own',
    async (stage) => {
      const { token } = await stage.player('viewer')
      const body = await senderRequest()
      return () => ({ body, token })
    },
  ],
  [
    `DELETE ${routes.sender}`,
    'itself',
    async (stage) => {
      const { token, sender } = await stage.addSender((await stage.player('viewer')).token)
      return () => ({ path: at(routes.sender, sender), token })
    },
  ],
  [
    `DELETE ${routes.sender}`,
    'by the administrator',
    async (stage) => {
      const { sender } = await stage.addSender((await stage.player('viewer')).token)
      return () => ({ path: at(routes.sender, sender), token: stage.ada.token })
    },
  ],
  [
    `GET ${routes.keyring}`,
    'the first time',
    async (stage) => {
      const { token } = await stage.addSender((await stage.player('viewer')).token)
      return () => ({ token })
    },
  ],
  [`POST ${routes.members}`, '', asAdministrator({ email: 'new', name: 'New', password, roles: ['viewer'] })],
  [`PATCH ${routes.member}`, '', ofMember(routes.member, { name: 'Other', roles: [], password: next })],
  [`DELETE ${routes.member}`, '', ofMember(routes.member)],
  [`POST ${routes.membersInvite}`, '', asAdministrator({ email: 'a@plant.example', name: 'A', roles: ['viewer'] })],
  [
    `POST ${routes.membersImport}`,
    '',
    asAdministrator({ users: { eve: { password: 'none', role: 'viewer' } }, emails: { eve: 'eve@plant.example' } }),
  ],
  [`POST ${routes.memberApprove}`, '', waiting(routes.memberApprove, {})],
  [`POST ${routes.memberReject}`, '', waiting(routes.memberReject)],
  [`POST ${routes.memberLock}`, '', ofMember(routes.memberLock)],
  [
    `POST ${routes.memberUnlock}`,
    '',
    async (stage) => {
      const { id } = await stage.player('viewer')
      await stage.done('POST', at(routes.memberLock, id), undefined, stage.ada.token)
      return () => ({ path: at(routes.memberUnlock, id), token: stage.ada.token })
    },
  ],
  [`POST ${routes.memberCode}`, '', ofMember(routes.memberCode)],
  [`POST ${routes.memberResetFactor}`, '', ofMember(routes.memberResetFactor, undefined, 'totpPlayer')],
  [`DELETE ${routes.memberSessions}`, '', ofMember(routes.memberSessions)],
  [`POST ${routes.brokerReconcile}`, '', asAdministrator()],
  [`POST ${routes.brokerCheck}`, '', asAdministrator()],
  [
    `DELETE ${routes.brokerClient}`,
    '',
    async (stage) => {
      const { sender } = await stage.addSender((await stage.player('viewer')).token)
      return () => ({ path: at(routes.brokerClient, sender), token: stage.ada.token })
    },
  ],
  [`POST ${routes.mailTest}`, '', asAdministrator({ email: 'test@elsewhere.example' })],
  [`POST ${routes.roles}`, '', asAdministrator({ name: 'fitter', grants: [{ channel: 'login', right: 'publish' }] })],
  [`PATCH ${routes.role}`, '', ofRole({ name: 'mechanic', grants: [] })],
  [`DELETE ${routes.role}`, '', ofRole()],
  [`POST ${routes.channels}`, '', asAdministrator({ name: 'press', filters: ['press/#'] })],
  [`PATCH ${routes.channel}`, '', ofChannel(routes.channel, { filters: ['presses/#'], suite: 'ChaCha20/Poly1305' })],
  [`DELETE ${routes.channel}`, '', ofChannel(routes.channel)],
  [`POST ${routes.rotate}`, '', ofChannel(routes.rotate)],
  [`GET ${routes.auditExport}`, '', asAdministrator()],
  [`POST ${routes.devices}`, '', asAdministrator({ name: 'pump', roles: ['viewer'] })],
  [`POST ${routes.devicesImport}`, '', asAdministrator({ devices: [{ name: 'drill', roles: ['viewer'] }] })],
  [
    `POST ${routes.deviceTicket}`,
    '',
    async (stage) => {
      const { id } = await newDevice(stage)
      return () => ({ path: at(routes.deviceTicket, id), token: stage.ada.token })
    },
  ],
  [
    `POST ${routes.enrol}`,
    'ticket',
    async (stage) => {
      const { name, code } = await newDevice(stage)
      const { algorithm, publicKey } = await senderRequest(name)
      return () => ({ body: { name, code, algorithm, publicKey } })
    },
  ],
  [
    `POST ${routes.renewal}`,
    'own',
    async (stage) => {
      const { token } = await stage.player('viewer')
      const sender = await stage.done<SenderCreated>('POST', routes.senders, await senderRequest(), token)
      return () => ({ body: { token: newSecret() }, token: sender.token })
    },
  ],
]

/** Changes nothing that counts before a second request, which is recorded; a checkpoint is of what is in the log. */
const unrecorded = [`POST ${routes.totp}`, `POST ${routes.auditCheckpoint}`]

onEachEngine('an action that cannot be recorded', (engine) => {
  const stage = new AuditStage()
  const ready = new Map<Case, () => Asked | Promise<Asked>>()
  beforeAll(async () => {
    await stage.open(await engine.newStore(), { codeTime: hour, stepUpTime: hour })
    await stage.setUp()
    for (const one of cases) {
      await stage.refresh()
      ready.set(one, await one[2](stage))
    }
    // The sign-ins of those who made ready are minutes old.
    await stage.refresh()
    await stage.authority.mailSettled()
  }, 240_000)
  afterAll(() => stage.authority.close())

  const askFor = async (one: Case) => {
    const [method, route] = one[0].split(' ') as [string, string]
    const { path = route, body, token } = await ready.get(one)!()
    const answer = await fetch(stage.authority.running.httpUrl + path, {
      method,
      headers: {
        'x-forwarded-for': stage.address,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return { status: answer.status, text: await answer.text() }
  }

  it('is among those tried here, for every route that changes something', async () => {
    const { paths } = (await stage.ask<{ paths: Record<string, object> }>('GET', '/api/docs/json')).body
    const changing = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods)
        .map((method) => `${method.toUpperCase()} ${path.replaceAll(/\{(\w+)\}/g, ':$1')}`)
        .filter((route) => !route.startsWith('GET ') && route.includes('/api/v1/')),
    )
    const tried = cases.map(([route]) => route).filter((route) => !route.startsWith('GET '))
    expect([...new Set([...tried, ...unrecorded, `POST ${routes.setup}`])].sort()).toEqual(changing.sort())
  })

  describe('has not happened', () => {
    let record: () => Promise<void>
    beforeAll(async () => {
      record = await stage.stopRecording()
    })
    afterAll(() => record())

    it.each(cases)('%s %s', async (...one) => {
      const before = await stage.dump()
      const { status, text } = await askFor(cases.find((other) => other[0] === one[0] && other[1] === one[1])!)
      expect({ status, code: JSON.parse(text).code }).toEqual({ status: 500, code: 'internal' })
      expect(await stage.dump()).toEqual(before)
    })
  })

  // Each was such that it would have been done.
  it('is done once it can be recorded', async () => {
    stage.clock.move(minute)
    const size = await stage.size()
    // The embedded broker has nothing to check.
    for (const one of cases.filter(([route]) => route !== `POST ${routes.brokerCheck}`)) {
      const { status, text } = await askFor(one)
      expect({ one: one.slice(0, 2), status, ok: status < 300 }, text.slice(0, 200)).toMatchObject({ ok: true })
    }
    expect(await stage.size()).toBeGreaterThanOrEqual(size + cases.length - 1)
  })
})

onEachEngine('a set-up that cannot be recorded', (engine) => {
  it('makes no administrator, and the code stays good', async () => {
    const stage = new AuditStage()
    await stage.open(await engine.newStore())
    const record = await stage.stopRecording()
    const before = await stage.dump()
    const setUp = stage.authority.setup()
    expect(await stage.ask('POST', routes.setup, setUp)).toMatchObject({ status: 500 })
    expect(await stage.dump()).toEqual(before)
    await record()
    expect(await stage.ask('POST', routes.setup, setUp)).toMatchObject({ status: 201 })
    await stage.authority.close()
  })
})
