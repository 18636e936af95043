import { type ImportedMember, type MemberInfo, type RoleInfo, routes } from '@sealmq/protocol/api'
import { hashSync } from 'bcryptjs'
import mqtt from 'mqtt'
import { beforeEach, expect, it } from 'vitest'
import { onEachEngine } from './engines.ts'
import { readKeyring } from './read-keyring.ts'
import { SharedAuthority } from './shared-authority.ts'
import { signIn } from './sign-in.ts'
import { at, password, type TestAuthority } from './test-authority.ts'

onEachEngine('administrators', (engine) => {
  const shared = new SharedAuthority(engine)
  let authority: TestAuthority
  beforeEach(() => {
    authority = shared.authority
  })
  const member = async (name: string) => (await authority.askAdmin<MemberInfo>('GET', at(routes.member, name))).body

  it('who change one role at once: one wins, the other hears of it and nothing of it stays', async () => {
    const other = await authority.createMember(shared.newName(), 'admin')
    const { body: role } = await authority.askAdmin<RoleInfo>('GET', at(routes.role, 'controller'))
    const changes = [
      { name: `a ${shared.newName()}`, grants: [{ channel: 'login', right: 'subscribe' }], revision: role.revision },
      { name: `b ${shared.newName()}`, grants: [{ channel: 'sensor', right: 'subscribe' }], revision: role.revision },
    ]
    const answers = await Promise.all([
      authority.askAdmin<RoleInfo>('PATCH', at(routes.role, role.id), changes[0]),
      authority.ask<RoleInfo>('PATCH', at(routes.role, role.id), changes[1], other.token),
    ])
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 409])
    const won = answers.findIndex(({ status }) => status === 200)
    expect(answers[1 - won]!.body).toMatchObject({ code: 'conflict' })
    const { body: after } = await authority.askAdmin<RoleInfo>('GET', at(routes.role, role.id))
    expect(after).toMatchObject({ name: changes[won]!.name, grants: changes[won]!.grants })
    expect(after.revision).toBeGreaterThan(role.revision)
    const stale = await authority.askAdmin('PATCH', at(routes.role, role.id), { grants: [], revision: role.revision })
    expect(stale).toMatchObject({ status: 409 })
    const fresh = await authority.askAdmin('PATCH', at(routes.role, role.id), {
      ...role,
      revision: after.revision,
      id: undefined,
    })
    expect(fresh.status).toBeLessThan(300)
  })

  it('shut the senders of a locked member out at once, with new epochs, and let them in again', async () => {
    const locked = await authority.createMember(shared.newName(), 'sensor')
    const sender = await authority.addSender(locked.token)
    const watcher = await authority.addSender(authority.admin)
    const connect = () =>
      mqtt.connectAsync(authority.running.mqttUrl, { ...sender.broker, reconnectPeriod: 0, connectTimeout: 3000 })
    const client = await connect()
    const before = await readKeyring(authority, watcher.token)
    const dropped = new Promise<void>((resolve) => client.once('close', () => resolve()))
    expect((await authority.askAdmin<MemberInfo>('POST', at(routes.memberLock, locked.email))).body.state).toBe(
      'locked',
    )
    await dropped
    await expect(connect()).rejects.toMatchObject({ code: expect.any(Number) })
    expect((await authority.ask('GET', routes.keyring, undefined, sender.token)).status).toBe(401)
    expect((await authority.ask('GET', routes.changes, undefined, sender.token)).status).toBe(401)
    expect((await authority.ask('GET', routes.me, undefined, sender.token)).status).toBe(401)
    const after = await readKeyring(authority, watcher.token)
    const newer = [...after.channels].filter(
      ([name, { epochs }]) => epochs[0]!.epoch > before.channels.get(name)!.epochs[0]!.epoch,
    )
    expect(newer.map(([name]) => name).sort()).toEqual(['control', 'sensor'])
    expect((await signIn(authority, { email: locked.email })).status).toBe(401)
    // No code from the mailbox lets a locked member in.
    await authority.ask('POST', routes.passwordForgot, { email: locked.email })
    const code = await authority.mail.takeCode(locked.email, /new password/)
    await authority.ask('POST', routes.passwordReset, { email: locked.email, code, password })
    expect((await signIn(authority, { email: locked.email })).status).toBe(401)
    expect((await member(locked.email)).state).toBe('locked')
    await authority.askAdmin('POST', at(routes.memberUnlock, locked.email))
    expect(await authority.keyring(sender.token)).toMatchObject({ sender: sender.sender })
    const again = await connect()
    await again.endAsync()
    expect((await signIn(authority, { email: locked.email })).status).toBe(200)
  })

  it('cannot lock, remove or demote the last of them, nor can the last delete the own account', async () => {
    const ada = 'ada@plant.example'
    const others = (await authority.askAdmin<MemberInfo[]>('GET', routes.members)).body
    for (const { email, roles } of others) {
      if (email !== ada && roles.includes('admin')) await authority.askAdmin('DELETE', at(routes.member, email))
    }
    const refused = { status: 409, body: { code: 'last-administrator' } }
    expect(await authority.askAdmin('POST', at(routes.memberLock, ada))).toMatchObject(refused)
    expect(await authority.askAdmin('DELETE', at(routes.member, ada))).toMatchObject(refused)
    expect(await authority.askAdmin('PATCH', at(routes.member, ada), { roles: ['viewer'] })).toMatchObject(refused)
    expect(await authority.askAdmin('POST', routes.accountDelete, { password })).toMatchObject(refused)
    expect(await member(ada)).toMatchObject({ state: 'active', roles: ['admin'] })
    // One that is locked does not count.
    const second = await authority.createMember(shared.newName(), 'admin')
    expect((await authority.askAdmin('POST', at(routes.memberLock, second.email))).status).toBe(200)
    expect(await authority.askAdmin('POST', at(routes.memberLock, ada))).toMatchObject(refused)
    expect(await authority.askAdmin('DELETE', at(routes.member, ada))).toMatchObject(refused)
    await authority.askAdmin('POST', at(routes.memberUnlock, second.email))
    const token = await authority.logIn(second.email)
    const answers = await Promise.all([
      authority.askAdmin('POST', at(routes.memberLock, second.email)),
      authority.ask('POST', at(routes.memberLock, ada), undefined, token),
    ])
    const locked = answers.filter(({ status }) => status === 200).length
    expect(locked).toBeLessThanOrEqual(1)
    if (answers[1].status === 200) {
      await authority.ask('POST', at(routes.memberUnlock, ada), undefined, token)
      await shared.refreshAdministrator()
    }
  })

  it('delete an account with all that belongs to it', async () => {
    const gone = await authority.createMember(shared.newName(), 'viewer')
    expect((await authority.ask('POST', routes.accountDelete, { password: 'a wrong guess' }, gone.token)).status).toBe(
      401,
    )
    expect((await authority.ask('POST', routes.accountDelete, { password }, gone.token)).status).toBe(204)
    await authority.mail.take(gone.email, /was deleted/)
    expect((await authority.ask('GET', routes.me, undefined, gone.token)).status).toBe(401)
    const store = await authority.database()
    for (const table of [
      'sessions',
      'known_devices',
      'one_time_codes',
      'totp',
      'recovery_codes',
      'member_roles',
    ] as const) {
      const rows = await store.selectFrom(table).select('member_id').where('member_id', '=', gone.id).execute()
      expect(rows, table).toEqual([])
    }
  })

  it("import the original's users: a dry run changes nothing, a second import neither, refused ones are named", async () => {
    const [good, old, noRole, costly] = [shared.newName(), shared.newName(), shared.newName(), shared.newName()]
    const mailed = `${shared.newName()}@plant.example`
    const hash = hashSync(password, 4)
    const request = {
      users: {
        [good]: { password: hash, role: 'sensor' },
        [old]: { password: '8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92', role: 'viewer' },
        [noRole]: { password: hash, role: 'captain' },
        [costly]: { password: hash.replace('$04$', '$31$'), role: 'viewer' },
        'two words': { password: hash, role: 'viewer' },
        mailed: { password: 'plain', role: 'admin' },
        bad: { password: hash, role: 'viewer' },
      },
      emails: { mailed, bad: 'no address' },
    }
    const count = async () => (await authority.askAdmin<MemberInfo[]>('GET', routes.members)).body.length
    const send = async (more: object = {}) =>
      (await authority.askAdmin<ImportedMember[]>('POST', routes.membersImport, { ...request, ...more })).body
    const outcomes = (lines: ImportedMember[]) => lines.map(({ user, outcome }) => [user, outcome])
    const members = await count()
    const expected = [
      [good, 'imported'],
      [old, 'needs-code'],
      [noRole, 'refused'],
      [costly, 'needs-code'],
      ['two words', 'refused'],
      ['mailed', 'needs-code'],
      ['bad', 'refused'],
    ]
    const dry = await send({ dryRun: true })
    expect(outcomes(dry)).toEqual(expected)
    expect(dry.every(({ code }) => code === null)).toBe(true)
    await authority.mailSettled()
    expect([await count(), await authority.mail.find(mailed)]).toEqual([members, []])
    const first = await send()
    expect(outcomes(first)).toEqual(expected)
    for (const { outcome, reason } of first) if (outcome === 'refused') expect(reason).toMatch(/\.$/)
    expect(await count()).toBe(members + 4)
    const second = await send()
    expect(second.filter(({ outcome }) => outcome === 'exists')).toHaveLength(4)
    expect(second.every(({ code }) => code === null)).toBe(true)
    expect(await count()).toBe(members + 4)
    await authority.mail.takeCode(mailed, /invited/)
    await authority.mailSettled()
    expect(await authority.mail.find(mailed)).toHaveLength(1)
    // Roles are requests: the file of the original makes nobody an administrator.
    expect(await member(mailed)).toMatchObject({ state: 'waiting', roles: [], requestedRole: 'admin' })
    const { token } = (await signIn(authority, { email: good })).body
    expect((await authority.ask('GET', routes.sessions, undefined, token)).status).toBe(403)
    const { code } = first.find(({ user }) => user === old)!
    expect((await authority.ask('POST', routes.passwordReset, { email: old, code, password })).status).toBe(204)
    expect((await signIn(authority, { email: old })).status).toBe(200)
    expect((await signIn(authority, { email: costly, password: '' })).status).toBe(400)
    expect((await signIn(authority, { email: costly })).status).toBe(401)
  })
})
