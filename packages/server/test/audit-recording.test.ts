import { type AuditAction, type AuditActor, auditActions } from '@sealmq/audit-log'
import { toBase64url } from '@sealmq/protocol'
import {
  type ChannelInfo,
  type DeviceTicket,
  type HandedCode,
  type MemberInfo,
  type RecoveryCodes,
  type RoleInfo,
  routes,
  type SenderCreated,
  type Session,
  type SessionInfo,
  type SignUpStarted,
  type TotpEnrolment,
} from '@sealmq/protocol/api'
import { nodeCryptography } from '@sealmq/protocol/node'
import { hash as bcryptHash } from 'bcryptjs'
import pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { newSecret } from '../src/identity/secrets.ts'
import { AuditStage, epochStart, formsOf, memberOn, type Player, stranger, system, uuid } from './audit-stage.ts'
import { onEachEngine } from './engines.ts'
import { at, password, totpCode } from './test-authority.ts'
import { minute } from './test-clock.ts'

/** Recorded by what no request of people asks for; tested with what records it. */
const elsewhere: AuditAction[] = [
  'authority.start',
  'authority.stop',
  'authority.configure',
  'authority.restore',
  'authority.clock-back',
  'authority.disk-low',
  'request.refuse',
  'connection.open',
  'connection.close',
  'connection.refuse',
  'message.accept',
  'message.refuse',
  'message.count',
  'message.skip',
]

const next = 'quite another long phrase 7'
const later = (stage: AuditStage, ms: number) => stage.clock.time + ms
const number = expect.any(Number)
const text = expect.any(String)

type Case = [actions: string, work: (stage: AuditStage, engine: 'sqlite' | 'postgres') => Promise<void>]

const lockedBy = (on: Player['on'], of: string) =>
  ({ action: 'login.lock', on, detail: { of, until: number }, ...system }) as const
const refusedLogin = (reason: string, on: Player['on'] | null, code = 'wrong-credentials') =>
  ({ action: 'login.try', result: 'refused', code, on, detail: { reason, knownDevice: false } }) as const
const signedIn = (factor: string, knownDevice = false) =>
  ({ action: 'login.try', on: { kind: 'session', id: uuid, name: null }, detail: { factor, knownDevice } }) as const
const sent = (on: Player['on'], purpose: string, way = 'mail') =>
  ({ action: 'code.send', on, detail: { purpose, way, expiresAt: number } }) as const

/** Everything that identity and administration record, in the order of the actions. */
const cases: Case[] = [
  [
    'authority.set-up, code.send, address.confirm',
    async (stage) => {
      const on = memberOn(expect.any(String) as never, 'ada@plant.example')
      const { token, me } = await stage.expectRecords(
        stranger(),
        () => stage.done<Session>('POST', routes.setup, stage.authority.setup()),
        [
          { action: 'authority.set-up', on, detail: { name: 'Ada', roles: ['admin'], session: uuid } },
          { ...sent(on, 'address'), detail: { purpose: 'address', way: 'mail', expiresAt: later(stage, 5 * minute) } },
        ],
      )
      const { member: id, email } = me
      const actor = { kind: 'member', member: id, sender: null, name: email, roles: ['admin'] } as const
      stage.ada = { id, email, token, actor, on: memberOn(id, email) }
      stage.authority.admin = token
      const code = await stage.code(email)
      await stage.expectRecords(stranger(), () => stage.done('POST', routes.verify, { email, code }), [
        { action: 'address.confirm', on: stage.ada.on },
      ])
    },
  ],
  [
    'sign-up.ask, sign-up.confirm, member.approve, member.reject',
    async (stage) => {
      for (const verdict of ['member.approve', 'member.reject'] as const) {
        const name = stage.newName()
        const email = `${name}@plant.example`
        const request = { email, name, password, role: 'viewer' }
        const { signUp } = await stage.expectRecords(
          stranger(),
          () => stage.done<SignUpStarted>('POST', routes.signUp, request),
          [{ action: 'sign-up.ask', on: { kind: 'address', id: null, name: email }, detail: { role: 'viewer' } }],
        )
        const code = await stage.code(email)
        const on = memberOn(uuid, email)
        await stage.expectRecords(stranger(), () => stage.done('POST', routes.verify, { email, code, signUp }), [
          { action: 'sign-up.confirm', on, detail: { name } },
        ])
        const [route, detail] =
          verdict === 'member.approve'
            ? [routes.memberApprove, { roles: ['viewer'] }]
            : ([routes.memberReject, {}] as const)
        await stage.expectRecords(
          stage.ada.actor,
          () => stage.done('POST', at(route, email), route === routes.memberApprove ? {} : undefined, stage.ada.token),
          [{ action: verdict, on, detail }],
        )
      }
      // A role that takes in whoever proves an address of a domain: the authority approves by itself.
      const role = { name: 'guests', grants: [], approveDomains: ['guests.example'] }
      await stage.done('POST', routes.roles, role, stage.ada.token)
      const email = 'gil@guests.example'
      const request = { email, name: 'Gil', password, role: 'guests' }
      const { signUp } = await stage.done<SignUpStarted>('POST', routes.signUp, request)
      const code = await stage.code(email)
      const on = memberOn(uuid, email)
      await stage.expectRecords(stranger(), () => stage.done('POST', routes.verify, { email, code, signUp }), [
        { action: 'sign-up.confirm', on, detail: { name: 'Gil' } },
        { action: 'member.approve', on, detail: { roles: ['guests'], domain: 'guests.example' }, ...system },
      ])
    },
  ],
  [
    'login.try, login.lock',
    async (stage, engine) => {
      const { email, on, actor, id } = await stage.player('viewer')
      const attempt = (given: object = {}) => stage.ask('POST', routes.login, { email, password, ...given })
      await stage.expectRecords(actor, attempt, [signedIn('none')])
      // Of a device that is known; one that only says so is not.
      const { knownDevice } = (await attempt()).body as Session
      await stage.expectRecords(actor, () => attempt({ knownDevice }), [signedIn('none', true)])
      const wrong = 'a wrong guess'
      const invented = 'A'.repeat(43)
      await stage.expectRecords(stranger(email), () => attempt({ password: wrong, knownDevice: invented }), [
        refusedLogin('wrong password', on),
      ])
      await attempt({ password: wrong })
      await stage.expectRecords(stranger(email), () => attempt({ password: wrong }), [
        lockedBy(on, 'password'),
        refusedLogin('wrong password', on),
      ])
      await stage.expectRecords(stranger(email), attempt, [refusedLogin('locked by tries', on)])
      await stage.done('POST', at(routes.memberLock, id), undefined, stage.ada.token)
      stage.clock.move(6 * minute)
      await stage.expectRecords(stranger(email), attempt, [refusedLogin('locked', on)])
      // People type passwords where the name belongs.
      const typed = 'Hunter2-typed-by-mistake'
      const unknown = stranger(expect.stringMatching(/^unknown:[\w-]{16}$/) as never)
      stage.secrets.add(typed)
      for (const one of [typed, ` ${typed}@plant.example`])
        await stage.expectRecords(unknown, () => attempt({ email: one }), [refusedLogin('unknown name', null)])
      const fingerprints = (await stage.recordsFrom((await stage.size()) - 2)).map((record) => record.actor.name)
      expect(new Set(fingerprints).size).toBe(2)
      if (engine === 'postgres') await changePasswordMeanwhile(stage)
    },
  ],
  [
    'code.send, code.use, login.try, login.lock, session.step-up',
    async (stage) => {
      const { email, on, actor, token } = await stage.mailedPlayer()
      const attempt = (given: object = {}) => stage.ask('POST', routes.login, { email, password, ...given })
      await stage.expectRecords(stranger(), attempt, [sent(on, 'login')])
      const used = (purpose: string, way: string) => ({ action: 'code.use', on, detail: { purpose, way } }) as const
      const otp = await stage.code(email)
      await stage.expectRecords(actor, () => attempt({ otp }), [
        { ...used('login', 'email'), actor: stranger() },
        signedIn('email'),
      ])
      await stage.expectRecords(stranger(email), () => attempt({ otp }), [refusedLogin('wrong code', on, 'wrong-code')])
      await stage.expectRecords(actor, () => stage.done('POST', routes.stepUpSend, undefined, token), [
        sent(on, 'step-up'),
      ])
      const fresh = { otp: await stage.code(email) }
      const stepped = (factor: string) =>
        ({ action: 'session.step-up', on: { kind: 'session', id: uuid, name: null }, detail: { factor } }) as const
      await stage.expectRecords(actor, () => stage.done('POST', routes.stepUp, fresh, token), [
        used('step-up', 'email'),
        stepped('email'),
      ])
      for (let tries = 0; tries < 4; tries++) await attempt({ otp: '000000' })
      await stage.expectRecords(stranger(email), () => attempt({ otp: '000000' }), [
        lockedBy(on, 'second factor'),
        refusedLogin('wrong code', on, 'wrong-code'),
      ])
      // What is refused before anything is looked at does not fill the log.
      await stage.expectRecords(stranger(), () => attempt({ otp: '000000' }), [], 'login.try')
      const plain = await stage.player()
      await stage.expectRecords(plain.actor, () => stage.done('POST', routes.stepUp, { password }, plain.token), [
        stepped('password'),
      ])
      const guess = () => stage.ask('POST', routes.stepUp, { password: 'a wrong guess' }, plain.token)
      for (let tries = 0; tries < 2; tries++) await guess()
      await stage.expectRecords(plain.actor, guess, [lockedBy(plain.on, 'own password')], 'login.lock')
    },
  ],
  [
    'factor.add, code.use, login.try, session.step-up, factor.recovery-codes, factor.remove, member.reset-factor, login.lock',
    async (stage) => {
      const player = await stage.player()
      const { email, on, token, actor } = player
      await stage.authority.proveAddress(email)
      const { secret } = await stage.done<TotpEnrolment>('POST', routes.totp, undefined, token)
      const otp = () => totpCode(secret, stage.clock.time)
      const confirm = () => stage.done<RecoveryCodes>('POST', routes.totpConfirm, { otp: otp() }, token)
      const { recoveryCodes } = await stage.expectRecords(actor, confirm, [
        { action: 'factor.add', on, detail: { factor: 'totp' } },
      ])
      const used = (purpose: string, way: string) => ({ action: 'code.use', on, detail: { purpose, way } }) as const
      const attempt = (given: object) => stage.ask('POST', routes.login, { email, password, ...given })
      stage.clock.move(minute)
      await stage.expectRecords(actor, () => attempt({ otp: otp() }), [
        { ...used('login', 'totp'), actor: stranger() },
        signedIn('totp'),
      ])
      const [recoveryCode] = recoveryCodes
      await stage.expectRecords(actor, () => attempt({ recoveryCode }), [
        { ...used('login', 'recovery code'), actor: stranger() },
        signedIn('recovery code'),
      ])
      stage.clock.move(minute)
      await stage.expectRecords(actor, () => stage.done('POST', routes.stepUp, { otp: otp() }, token), [
        used('step-up', 'totp'),
        {
          action: 'session.step-up',
          on: { kind: 'session', id: uuid, name: null },
          detail: { factor: 'totp' },
        },
      ])
      await stage.expectRecords(actor, () => stage.done('POST', routes.recoveryCodes, undefined, token), [
        { action: 'factor.recovery-codes', on },
      ])
      await stage.expectRecords(actor, () => stage.done('DELETE', routes.totp, undefined, token), [
        { action: 'factor.remove', on, detail: { factor: 'totp' } },
      ])
      // A locked enrolment.
      await stage.done('POST', routes.totp, undefined, token)
      const guess = () => stage.ask('POST', routes.totpConfirm, { otp: '000000' }, token)
      for (let tries = 0; tries < 4; tries++) await guess()
      await stage.expectRecords(actor, guess, [lockedBy(on, 'second factor')], 'login.lock')
      const other = await stage.totpPlayer('viewer')
      await stage.refresh()
      await stage.expectRecords(
        stage.ada.actor,
        () => stage.done('POST', at(routes.memberResetFactor, other.id), undefined, stage.ada.token),
        [{ action: 'member.reset-factor', on: other.on }],
      )
    },
  ],
  [
    'session.end',
    async (stage) => {
      const { email, token, actor, on, id } = await stage.player()
      const others = [await stage.logIn(email), await stage.logIn(email)]
      const sessions = await stage.done<SessionInfo[]>('GET', routes.sessions, undefined, others[0])
      const own = sessions.find(({ current }) => current)!
      const ended = { action: 'session.end', on: { kind: 'session', id: own.id, name: null } } as const
      await stage.expectRecords(actor, () => stage.done('DELETE', at(routes.session, own.id), undefined, token), [
        ended,
      ])
      await stage.expectRecords(actor, () => stage.done('POST', routes.logout, undefined, others[1]), [
        { ...ended, on: { kind: 'session', id: uuid, name: null } },
      ])
      await stage.expectRecords(actor, () => stage.done('DELETE', routes.sessions, undefined, token), [
        { action: 'session.end', on, detail: { which: 'all others' } },
      ])
      await stage.expectRecords(
        stage.ada.actor,
        () => stage.done('DELETE', at(routes.memberSessions, id), undefined, stage.ada.token),
        [{ action: 'session.end', on, detail: { which: 'all' } }],
      )
    },
  ],
  [
    'password.change, code.send, password.reset',
    async (stage) => {
      const { email, token, actor, on, id } = await stage.player('viewer')
      await stage.expectRecords(
        actor,
        () => stage.done('POST', routes.password, { password, newPassword: next }, token),
        [{ action: 'password.change', on }],
      )
      await stage.expectRecords(stranger(), () => stage.done('POST', routes.passwordForgot, { email }), [
        sent(on, 'reset'),
      ])
      await stage.expectRecords(
        stranger(),
        () => stage.done('POST', routes.passwordForgot, { email: 'nobody@plant.example' }),
        [],
      )
      const mailed = { email, code: await stage.code(email), password }
      await stage.expectRecords(actor, () => stage.done('POST', routes.passwordReset, mailed), [
        { action: 'password.reset', on, detail: { code: 'mailed' } },
      ])
      await stage.expectRecords(
        stage.ada.actor,
        () => stage.done('POST', at(routes.memberCode, id), undefined, stage.ada.token),
        [sent(on, 'invitation')],
      )
      const handed = { email, code: await stage.code(email), password: next }
      await stage.expectRecords(actor, () => stage.done('POST', routes.passwordReset, handed), [
        { action: 'password.reset', on, detail: { code: 'handed over' } },
      ])
    },
  ],
  [
    'code.send, address.change, member.remove',
    async (stage) => {
      const { email, token, actor, id, on } = await stage.player()
      const moved = `moved-${email}`
      const ask = (address: string) => () =>
        stage.done('POST', routes.accountEmail, { email: address, password }, token)
      const to = (name: string) => ({ kind: 'address', id: null, name }) as const
      await stage.expectRecords(actor, ask(stage.ada.email), [
        {
          action: 'code.send',
          result: 'refused',
          code: 'name-taken',
          on: to(stage.ada.email),
          detail: { purpose: 'email-change', way: 'mail' },
        },
      ])
      stage.clock.move(minute)
      await stage.expectRecords(actor, ask(moved), [
        { action: 'code.send', on: to(moved), detail: { purpose: 'email-change', way: 'mail', expiresAt: number } },
      ])
      const code = await stage.code(moved)
      await stage.expectRecords(actor, () => stage.done('POST', routes.accountEmailConfirm, { code }, token), [
        { action: 'address.change', on: memberOn(id, moved), detail: { before: email, after: moved } },
      ])
      await stage.expectRecords(
        { ...actor, name: moved },
        () => stage.done('POST', routes.accountDelete, { password }, token),
        [{ action: 'member.remove', on: { ...on, name: moved }, detail: { roles: [], senders: [], own: true } }],
      )
    },
  ],
  [
    'member.create, member.change, member.lock, epoch.start, member.unlock, member.remove',
    async (stage) => {
      const { actor, token } = stage.ada
      const as = (method: string, route: string, body?: object) => () => stage.done(method, route, body, token)
      const request = { email: 'Dan@plant.example', name: 'Dan', password, roles: ['sensor', 'controller'] }
      const on = memberOn(uuid, 'dan@plant.example')
      const { id } = await stage.expectRecords(
        actor,
        () => stage.done<MemberInfo>('POST', routes.members, { ...request, note: password }, token),
        [{ action: 'member.create', on, detail: { name: 'Dan', roles: ['controller', 'sensor'] } }],
      )
      const change = { name: 'Daniel', roles: ['sensor'], password: next }
      await stage.expectRecords(actor, as('PATCH', at(routes.member, id), change), [
        {
          action: 'member.change',
          on,
          detail: {
            name: { before: 'Dan', after: 'Daniel' },
            roles: { before: ['controller', 'sensor'], after: ['sensor'] },
            password: 'set by the administrator',
          },
        },
        epochStart('control'),
      ])
      await stage.expectRecords(actor, as('POST', at(routes.memberLock, id)), [
        { action: 'member.lock', on },
        epochStart(expect.any(String) as never),
        epochStart(expect.any(String) as never),
      ])
      await stage.expectRecords(actor, as('POST', at(routes.memberUnlock, id)), [{ action: 'member.unlock', on }])
      const { sender } = await stage.addSender(
        (await stage.ask<Session>('POST', routes.login, { email: 'dan@plant.example', password: next })).body.token,
      )
      await stage.expectRecords(actor, as('DELETE', at(routes.member, id)), [
        { action: 'member.remove', on, detail: { roles: ['sensor'], senders: [sender] } },
        epochStart(expect.any(String) as never),
        epochStart(expect.any(String) as never),
      ])
    },
  ],
  [
    'member.invite, code.send, member.import',
    async (stage) => {
      const { actor, token } = stage.ada
      const invite = (email: string) => () =>
        stage.done<HandedCode>('POST', routes.membersInvite, { email, name: 'Fay', roles: ['viewer'] }, token)
      for (const [email, way] of [
        ['fay@plant.example', 'mail'],
        ['fay', 'handed over'],
      ] as const) {
        const on = memberOn(uuid, email)
        const { code } = await stage.expectRecords(actor, invite(email), [
          { action: 'member.invite', on, detail: { name: 'Fay', roles: ['viewer'] } },
          sent(on, 'invitation', way),
        ])
        if (code === null) await stage.code(email)
      }
      const hash = await bcryptHash('the old password', 4)
      stage.secrets.add(hash).add('the old password')
      const users = {
        gus: { password: hash, role: 'viewer' },
        hal: { password: 'f'.repeat(64), role: 'viewer' },
        fay: { password: hash, role: 'viewer' },
        ida: { password: hash, role: 'none such' },
      }
      const imported = (dryRun: boolean) => () => stage.done('POST', routes.membersImport, { users, dryRun }, token)
      const counts = { imported: 1, 'needs-code': 1, exists: 1, refused: 1 }
      await stage.expectRecords(actor, imported(true), [
        { action: 'member.import', detail: { dryRun: true, ...counts } },
      ])
      await stage.expectRecords(actor, imported(false), [
        {
          action: 'member.import',
          on: memberOn(uuid, 'gus'),
          detail: { name: 'gus', outcome: 'imported', requestedRole: 'viewer' },
        },
        {
          action: 'member.import',
          on: memberOn(uuid, 'hal'),
          detail: { name: 'hal', outcome: 'needs-code', requestedRole: 'viewer' },
        },
        sent(memberOn(uuid, 'hal'), 'invitation', 'handed over'),
        { action: 'member.import', detail: { dryRun: false, ...counts } },
      ])
    },
  ],
  [
    'role.create, role.change, epoch.start, role.remove',
    async (stage) => {
      const { actor, token } = stage.ada
      const grants = [
        { channel: 'sensor', right: 'publish' },
        { channel: 'login', right: 'subscribe' },
      ]
      // What the contract does not know may be anything: it stays out.
      const extra = { password: next, note: next }
      const { id } = await stage.expectRecords(
        actor,
        () =>
          stage.done<RoleInfo>(
            'POST',
            routes.roles,
            { name: 'fitter', auditor: true, grants: grants.map((grant) => ({ ...grant, ...extra })), ...extra },
            token,
          ),
        [
          {
            action: 'role.create',
            on: { kind: 'role', id: uuid, name: 'fitter' },
            detail: { name: 'fitter', auditor: true, grants },
          },
        ],
      )
      const on = { kind: 'role', id, name: 'fitter' } as const
      const change = { name: 'mechanic', auditor: true, grants: [{ ...grants[0], ...extra }], ...extra }
      await stage.expectRecords(actor, () => stage.done('PATCH', at(routes.role, id), change, token), [
        {
          action: 'role.change',
          on,
          detail: {
            name: { before: 'fitter', after: 'mechanic' },
            grants: { before: grants.toReversed(), after: [grants[0]!] },
          },
        },
        epochStart('login'),
      ])
      await stage.expectRecords(actor, () => stage.done('DELETE', at(routes.role, id), undefined, token), [
        { action: 'role.remove', on: { ...on, name: 'mechanic' }, detail: { grants: [grants[0]!] } },
        epochStart('sensor'),
      ])
      const monitor = { name: 'watch', monitor: true, grants: [] }
      const watch = await stage.expectRecords(
        actor,
        () => stage.done<RoleInfo>('POST', routes.roles, { ...monitor, ...extra }, token),
        [{ action: 'role.create', on: { kind: 'role', id: uuid, name: 'watch' }, detail: monitor }],
      )
      const role = { kind: 'role', id: watch.id, name: 'watch' } as const
      await stage.expectRecords(
        actor,
        () => stage.done('PATCH', at(routes.role, watch.id), { monitor: false }, token),
        [{ action: 'role.change', on: role, detail: { monitor: { before: true, after: false } } }],
      )
    },
  ],
  [
    'channel.create, epoch.start, channel.change, channel.rotate, channel.remove',
    async (stage) => {
      const { actor, token } = stage.ada
      const extra = { password: next }
      const request = { name: 'press', filters: ['press/#'], maximumAge: 60, audit: 'every-message' }
      const { id, epoch } = await stage.expectRecords(
        actor,
        () => stage.done<ChannelInfo>('POST', routes.channels, { ...request, ...extra }, token),
        [
          {
            action: 'channel.create',
            on: { kind: 'channel', id: text, name: 'press' },
            channel: 'press',
            detail: request,
          },
          epochStart('press'),
        ],
      )
      const on = { kind: 'channel', id, name: 'press' } as const
      const change = { name: 'presses', filters: ['press/+'], suite: 'ChaCha20/Poly1305', maximumAge: 60, ...extra }
      await stage.expectRecords(actor, () => stage.done('PATCH', at(routes.channel, id), change, token), [
        {
          action: 'channel.change',
          on,
          channel: 'presses',
          detail: {
            name: { before: 'press', after: 'presses' },
            filters: { before: ['press/#'], after: ['press/+'] },
            suite: { before: 'A256GCM', after: 'ChaCha20/Poly1305' },
          },
        },
        {
          ...epochStart('presses'),
          detail: { epoch: number, suite: 'ChaCha20/Poly1305', kind: 'telemetry', signing: 'each' },
        },
      ])
      const renamed = { ...on, name: 'presses' }
      const rotated = await stage.expectRecords(
        actor,
        () => stage.done<ChannelInfo>('POST', at(routes.rotate, id), undefined, token),
        [{ action: 'channel.rotate', on: renamed, channel: 'presses' }, epochStart('presses')],
      )
      expect(rotated.epoch).toBeGreaterThan(epoch)
      await stage.expectRecords(actor, () => stage.done('DELETE', at(routes.channel, id), undefined, token), [
        {
          action: 'channel.remove',
          on: renamed,
          channel: 'presses',
          detail: { filters: ['press/+'], epoch: rotated.epoch },
        },
      ])
    },
  ],
  [
    'sender.end, session.end',
    async (stage) => {
      const { actor, token, id } = await stage.player('viewer')
      const { publicKey } = await nodeCryptography.generateSigningKey('ES256')
      const request = { name: 'a tab', algorithm: 'ES256', publicKey: toBase64url(publicKey) }
      const { sender } = await stage.done<SenderCreated>('POST', routes.sessionSenders, request, token)
      await stage.expectRecords(actor, () => stage.done('POST', routes.logout, undefined, token), [
        { action: 'session.end', on: { kind: 'session', id: expect.any(String), name: null } },
        {
          action: 'sender.end',
          on: { kind: 'sender', id: String(sender), name: 'a tab' },
          detail: { member: id },
        },
      ])
    },
  ],
  [
    'sender.add, keys.fetch, sender.remove, epoch.start',
    async (stage) => {
      const { actor, token, id, email } = await stage.player('viewer')
      const added = await stage.addSender(token, 'a first one')
      const [{ action, on, detail }] = (await stage.recordsFrom((await stage.size()) - 1)) as [
        Awaited<ReturnType<AuditStage['recordsFrom']>>[0],
      ]
      const { sender, publicKey } = added
      const target = { kind: 'sender', id: String(sender), name: 'a first one' } as const
      expect({ action, on, detail }).toEqual({
        action: 'sender.add',
        on: target,
        detail: { algorithm: 'ES256', publicKey },
      })
      const itself = { ...actor, kind: 'sender', sender } as const
      const fetched = () => stage.done('GET', routes.keyring, undefined, added.token)
      await stage.expectRecords(itself, fetched, [
        {
          action: 'keys.fetch',
          on: { kind: 'channel', id: text, name: 'login' },
          channel: 'login',
          detail: { epochs: expect.any(Array) as never, key: 'epoch' },
        },
      ])
      await stage.expectRecords(itself, fetched, [])
      await stage.expectRecords(itself, () => stage.done('DELETE', at(routes.sender, sender), undefined, added.token), [
        { action: 'sender.remove', on: target, detail: { member: id } },
        epochStart('login'),
      ])
      const other = await stage.addSender(await stage.logIn(email), 'another')
      await stage.expectRecords(
        stage.ada.actor,
        () => stage.done('DELETE', at(routes.sender, other.sender), undefined, stage.ada.token),
        [
          {
            action: 'sender.remove',
            on: { kind: 'sender', id: String(other.sender), name: 'another' },
            detail: { member: id },
          },
          epochStart('login'),
        ],
      )
    },
  ],
  [
    'sender.renew, sender.copied',
    async (stage) => {
      const { actor, token, id } = await stage.player('viewer')
      const { sender, token: own } = await stage.addSender(token, 'a copied one')
      const on = { kind: 'sender', id: String(sender), name: 'a copied one' } as const
      const itself = { ...actor, kind: 'sender', sender } as const
      const renew = (next: string) => {
        stage.secrets.add(next)
        return () => stage.ask('POST', routes.renewal, { token: next }, own)
      }
      const next = newSecret()
      await stage.expectRecords(itself, renew(next), [{ action: 'sender.renew', on, detail: { generation: 2 } }])
      await stage.expectRecords(itself, renew(next), [])
      await stage.expectRecords(itself, renew(newSecret()), [
        { action: 'sender.copied', on, detail: { member: id } },
        { action: 'sender.remove', on, detail: { member: id } },
        epochStart('login'),
        {
          action: 'sender.renew',
          result: 'refused',
          code: 'credential-copied',
          on: { kind: 'route', id: null, name: `POST ${routes.renewal}` },
        },
      ])
    },
  ],
  [
    'device.create, code.send, code.use, sender.add, sender.remove, epoch.start',
    async (stage) => {
      const { token, actor } = stage.ada
      const name = stage.newName()
      const create = () => stage.done<DeviceTicket>('POST', routes.devices, { name, roles: ['viewer'] }, token)
      const { id, code } = await stage.expectRecords(actor, create, [
        { action: 'device.create', on: { kind: 'member', id: uuid, name }, detail: { roles: ['viewer'] } },
        sent({ kind: 'member', id: uuid, name }, 'ticket', 'handed over'),
      ])
      const on = memberOn(id, name)
      const { publicKey: key } = await nodeCryptography.generateSigningKey('ES256')
      const given = { algorithm: 'ES256', publicKey: toBase64url(key) }
      const enrol = (ticket: string) => () =>
        stage.done<SenderCreated>('POST', routes.enrol, { name, code: ticket, ...given })
      const itself: AuditActor = { kind: 'member', member: id, sender: null, name, roles: ['viewer'] }
      const used = { action: 'code.use', on, detail: { purpose: 'ticket' } } as const
      const added = { action: 'sender.add', on: { kind: 'sender', id: text, name }, detail: given } as const
      const { sender } = await stage.expectRecords(itself, enrol(code), [used, added])
      const anew = () => stage.done<DeviceTicket>('POST', at(routes.deviceTicket, id), undefined, token)
      const ticket = await stage.expectRecords(actor, anew, [sent(on, 'ticket', 'handed over')])
      await stage.expectRecords(itself, enrol(ticket.code), [
        used,
        {
          action: 'sender.remove',
          on: { kind: 'sender', id: String(sender), name },
          detail: { member: id },
        },
        epochStart('login'),
        added,
      ])
      await stage.expectRecords(stranger(), () => stage.ask('POST', routes.enrol, { name, code, ...given }), [
        {
          action: 'code.use',
          result: 'refused',
          code: 'wrong-code',
          on: { kind: 'route', id: null, name: `POST ${routes.enrol}` },
        },
      ])
    },
  ],
  [
    'broker.reconcile, broker.check',
    async (stage) => {
      const { actor, token } = stage.ada
      await stage.expectRecords(actor, () => stage.done('POST', routes.brokerReconcile, undefined, token), [
        { action: 'broker.reconcile' },
      ])
      await stage.expectRecords(actor, () => stage.ask('POST', routes.brokerCheck, undefined, token), [
        { action: 'broker.check' },
        {
          action: 'request.refuse',
          result: 'refused',
          code: 'conflict',
          on: { kind: 'route', id: null, name: `POST ${routes.brokerCheck}` },
        },
      ])
    },
  ],
  [
    'mail.test, audit.export',
    async (stage) => {
      const { actor, token } = stage.ada
      const email = 'test@elsewhere.example'
      await stage.expectRecords(actor, () => stage.done('POST', routes.mailTest, { email }, token), [
        { action: 'mail.test', on: { kind: 'address', id: null, name: email } },
      ])
      const ask = () =>
        fetch(`${stage.authority.running.httpUrl}${routes.auditExport}?from=3`, {
          headers: { authorization: `Bearer ${token}`, 'x-forwarded-for': stage.address },
        }).then((answer) => answer.text())
      await stage.expectRecords(actor, ask, [{ action: 'audit.export', detail: { from: 3 } }])
    },
  ],
]

/** The password becomes another one between the look at it and the session: the update waits for that of the test. */
async function changePasswordMeanwhile(stage: AuditStage): Promise<void> {
  const { email, on } = await stage.player()
  const client = new pg.Client({ connectionString: stage.authority.options.store! })
  await client.connect()
  await client.query('begin')
  await client.query(`update members set password = 'another' where email = $1`, [email])
  const attempt = () => stage.ask('POST', routes.login, { email, password })
  const release = async () => {
    const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`
    while ((await client.query(waiting)).rows.length === 0) await new Promise((resolve) => setTimeout(resolve, 5))
    await client.query('commit')
  }
  await stage.expectRecords(stranger(email), () => Promise.all([attempt(), release()]), [
    refusedLogin('password changed', on),
  ])
  await client.end()
}

it('is recorded of every action, here or elsewhere', () => {
  const covered = new Set(cases.flatMap(([actions]) => actions.split(', ')))
  expect([...covered, ...elsewhere].sort()).toEqual(Object.keys(auditActions).sort())
})

onEachEngine('the audit log records', (engine) => {
  const stage = new AuditStage()
  beforeAll(async () => stage.open(await engine.newStore()))
  afterAll(() => stage.authority.close())
  beforeEach(() => stage.refresh())

  it.each(cases)('%s', async (actions, work) => {
    const before = await stage.size()
    await work(stage, engine.name)
    const found = (await stage.recordsFrom(before)).map(({ action }) => action)
    for (const action of actions.split(', ')) expect(found).toContain(action)
  })

  it('no password, code, token, key or name that may be one, in no form', async () => {
    expect(stage.secrets.size).toBeGreaterThan(100)
    const store = await stage.authority.database()
    const all = JSON.stringify(
      await store.selectFrom('audit_records').select(['record', 'actor', 'channel', 'member_id']).execute(),
    )
    for (const secret of stage.secrets) {
      for (const form of formsOf(secret)) expect(all.includes(form), `${form}, a form of ${secret}`).toBe(false)
      // Six digits stand by accident in longer numbers.
      if (/^\d{6}$/.test(secret)) expect(all).not.toMatch(new RegExp(`(?<![0-9A-Za-z-])${secret}(?![0-9A-Za-z-])`))
    }
  })
})
