import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { json, People } from './people.ts'
import { temporaryFolder } from './sealmq-process.ts'

/** users.json of the original system: three bcrypt hashes and one of the older unsalted SHA-256 ones. */
const originalUsers = {
  'user-admin': {
    password: '$2b$12$US2ER1VgqH/GM20/6K2M9uafq5s4eUuHqDZGREPYxqP7MEVI72EgG',
    role: 'admin',
    attempts: 0,
    lock_time: 0,
  },
  'user-sensor': {
    password: '$2b$12$0uSol68koq6pzxeULbce4uLf5xuCjfNE/1LziWs01zuNrLdUHZmLi',
    role: 'sensor',
    attempts: 0,
    lock_time: 0,
  },
  'user-viewer': {
    password: '$2b$12$S0QtRZIwK2EXRLb1O6YKyeeTRRjNRTroTildj0JMgSVZ5o/6XuhIO',
    role: 'viewer',
    attempts: 0,
    lock_time: 0,
  },
  'user-old': { password: '8d969eef6ecad3c29a3a629280e686cf0c3f5d5a86aff3ca12020c923adc6c92', role: 'sensor' },
}

// Many short commands each: slow where the machine is busy.
describe('administration of people by the command line', { timeout: 180_000 }, () => {
  let people: People
  beforeAll(async () => {
    people = await People.start()
  })
  afterAll(() => people.stop())

  it('asks for the authenticator where a role does, and lets nothing else be done before', async () => {
    const { admin } = people
    const { person, email } = await people.member('required', 'controller')
    const changed = await admin.run('roles', 'change', 'controller', '--require-authenticator', '--json')
    expect(json(changed)).toMatchObject({ requireAuthenticator: true })
    expect((await admin.run('roles', 'list')).out).toMatch(/^controller .* required +-$/m)
    expect(await people.logIn(person, email)).toMatchObject({
      code: 0,
      err: expect.stringContaining('sealmq factor add totp'),
    })
    expect(await person.run('sub', '-t', 'iot/control', '-C', '1')).toMatchObject({
      code: 4,
      err: expect.stringMatching(/sealmq factor add totp.*\[factor-needed\]/),
    })
    const refused = { code: 4, err: expect.stringContaining('[factor-needed]') }
    expect(await person.run('senders', 'list')).toMatchObject(refused)
    await people.proveAddress(person, email)
    await people.addAuthenticator(person)
    expect(json(await person.run('whoami', '--json'))).toMatchObject({ state: 'active', sender: expect.any(Number) })
    expect(await person.run('sub', '-t', 'iot/control', '-W', '1')).toMatchObject({ code: 27 })
    expect(await person.run('factor', 'remove', 'totp')).toMatchObject({
      code: 4,
      err: expect.stringContaining('[not-allowed]'),
    })
    expect(await admin.run('users', 'reset-factor', email)).toMatchObject({ code: 0 })
    expect(await person.run('sessions', 'list')).toMatchObject({ code: 3 })
  })

  it('approves by domain, and refuses a role change that another overtook', async () => {
    const { admin } = people
    const change = (...words: string[]) => admin.run('roles', 'change', 'viewer', ...words)
    const { revision } = json<{ revision: number }>(await change('--approve-domain', 'plant.example', '--json'))
    const { person, email } = await people.signUp('domain', 'viewer')
    expect(await people.logInByMail(person, email)).toMatchObject({ code: 0, err: expect.stringContaining('(viewer)') })
    expect(json(await change('--no-approve-domains', '--json'))).toMatchObject({ approveDomains: [] })
    const changes = await Promise.all(['a', 'b', 'c'].map((name) => change('--approve-domain', `${name}.example`)))
    const lost = changes.filter(({ code }) => code !== 0)
    for (const { err } of lost) expect(err).toMatch(/Somebody else changed.*\[conflict\]/)
    const role = json<{ revision: number }>(await change('--name', 'viewer', '--json'))
    expect(role.revision).toBeGreaterThanOrEqual(revision + changes.length - lost.length)
    expect(await change()).toMatchObject({ code: 2 })
  })

  it('locks, unlocks, changes roles, ends sessions', async () => {
    const { admin } = people
    const { person, email } = await people.member('lock', 'sensor')
    const pub = () => person.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'x')
    expect(await admin.run('users', 'lock', email)).toMatchObject({ code: 0, err: `${email} is locked.\n` })
    expect((await admin.run('users', 'list')).out).toMatch(/lock@plant\.example .* locked /)
    expect(await person.run('sessions', 'list')).toMatchObject({ code: 3 })
    expect((await pub()).code).not.toBe(0)
    expect(await people.logIn(person, email)).toMatchObject({
      code: 3,
      err: expect.stringContaining('[wrong-credentials]'),
    })
    expect(json(await admin.run('users', 'unlock', email, '--json'))).toMatchObject({ state: 'active' })
    expect(await pub()).toMatchObject({ code: 0 })
    expect(await admin.run('users', 'role', email, 'viewer', 'admin')).toMatchObject({
      code: 0,
      err: expect.stringContaining('admin, viewer'),
    })
    expect(json(await admin.run('users', 'role', email, '', '--json'))).toMatchObject({ roles: [] })
    expect(await pub()).toMatchObject({ code: 4 })
    expect(await people.logIn(person, email)).toMatchObject({ code: 0 })
    expect(await admin.run('users', 'end-sessions', email)).toMatchObject({ code: 0 })
    expect(await person.run('sessions', 'list')).toMatchObject({ code: 3 })
  })

  it('lets a device that it knows in, while a stranger has the account locked', async () => {
    const { admin } = people
    const { person, email } = await people.member('guessed', 'sensor')
    const stranger = people.install()
    const wrong = { code: 3, err: expect.stringContaining('[wrong-credentials]') }
    for (const guess of ['one guess of many', 'another guess of many', 'the last guess of many']) {
      expect(await people.logInWith(guess, stranger, email)).toMatchObject(wrong)
    }
    await people.outbox.next(email, ({ subject }) => subject.includes('locked'))
    expect((await admin.run('users', 'list')).out).toMatch(/guessed@plant\.example .* until \d{4}-/)
    expect(await people.logIn(stranger, email)).toMatchObject(wrong)
    expect(await person.run('logout')).toMatchObject({ code: 0 })
    expect(await people.logIn(person, email)).toMatchObject({ code: 0 })
    expect(await admin.run('users', 'unlock', email)).toMatchObject({ code: 0 })
    expect(await people.logIn(stranger, email)).toMatchObject({ code: 0 })
  })

  it('invites with a mailbox and without, and rejects', async () => {
    const { admin, outbox } = people
    const invite = (email: string) => ['users', 'invite', '--email', email, '--name', 'Shift', '--role', 'sensor']
    const { code } = json<{ code: string }>(await admin.run(...invite('shift-2'), '--json'))
    const shift = people.install()
    const typed = code.toLowerCase().replaceAll('-', ' ')
    const reset = ['password', 'reset', ...people.at('shift-2'), '--code', typed]
    expect(await shift.run(...reset, ...people.passwordOf(shift))).toMatchObject({ code: 0 })
    expect(await people.logIn(shift, 'shift-2')).toMatchObject({ code: 0 })
    expect(await shift.run('pub', '-t', 'iot/sensor', '-m', 'x')).toMatchObject({ code: 0 })
    expect(await admin.run('users', 'code', 'shift-2')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^[0-9A-Z]{5}(-[0-9A-Z]{5}){3}\n$/),
      err: expect.stringContaining('Hand this code over'),
    })

    expect(await admin.run(...invite('invited@plant.example'))).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('A code was mailed to invited@plant.example'),
    })
    const { text } = await outbox.next('invited@plant.example')
    const person = people.install()
    const set = ['password', 'reset', ...people.at('invited@plant.example'), '--code', /--code (\S+)/.exec(text)![1]!]
    expect(await person.run(...set, ...people.passwordOf(person))).toMatchObject({ code: 0 })
    expect(await people.logInByMail(person, 'invited@plant.example')).toMatchObject({ code: 0 })

    const { email } = await people.signUp('rejected', 'admin')
    expect(await admin.run('users', 'reject', email)).toMatchObject({ code: 0 })
    expect((await admin.run('users', 'list')).out).not.toContain(email)
  })

  it("imports the original's people, twice to the same end", async () => {
    const { admin } = people
    const folder = temporaryFolder()
    const file = join(folder, 'users.json')
    const emails = join(folder, 'emails.csv')
    writeFileSync(file, JSON.stringify(originalUsers, null, 4))
    writeFileSync(emails, 'user,email\nuser-sensor,sensor@plant.example\n')
    const words = ['users', 'import', file, '--emails', emails]
    expect(await admin.run(...words, '--dry-run')).toMatchObject({ code: 0, err: expect.stringContaining('dry run') })
    const report = json<{ user: string; outcome: string; code: string | null }[]>(await admin.run(...words, '--json'))
    expect(report.map(({ user, outcome }) => [user, outcome])).toEqual([
      ['user-admin', 'imported'],
      ['user-sensor', 'imported'],
      ['user-viewer', 'imported'],
      ['user-old', 'needs-code'],
    ])
    expect((await admin.run(...words)).out.match(/ exists /g)).toHaveLength(4)

    const old = people.install()
    const reset = ['password', 'reset', ...people.at('user-old'), '--code', report[3]!.code!]
    expect(await old.run(...reset, ...people.passwordOf(old))).toMatchObject({ code: 0 })
    expect(await admin.run('users', 'approve', '--all')).toMatchObject({
      code: 0,
      err: expect.stringContaining('sensor@plant.example approved (sensor)'),
    })
    expect(await people.logIn(old, 'user-old')).toMatchObject({ code: 0 })
    expect(await old.run('pub', '-t', 'iot/sensor', '-m', 'x')).toMatchObject({ code: 0 })
  })

  it('says what is wrong with a file to import', async () => {
    const { admin } = people
    const folder = temporaryFolder()
    const file = join(folder, 'users.json')
    const emails = join(folder, 'emails.csv')
    writeFileSync(file, '{\n  "eve" {}\n}')
    expect(await admin.run('users', 'import', file)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/users\.json: line 2: .*\[bad-file\]/),
    })
    writeFileSync(file, JSON.stringify({ 'user-new': { password: 'x', role: 'no such role' } }))
    expect(await admin.run('users', 'import', file)).toMatchObject({ code: 1, out: expect.stringContaining('refused') })
    writeFileSync(emails, 'user-new,new@plant.example\nuser-new,x@plant.example\n')
    expect(await admin.run('users', 'import', file, '--emails', emails)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/emails\.csv: line 2: user-new is there twice/),
    })
  })

  it('tests mail', async () => {
    const done = await people.admin.run('mail', 'test', 'ops@plant.example', '--json')
    expect(json(done)).toMatchObject({ transport: 'outbox', file: expect.stringMatching(/\.eml$/) })
    await people.outbox.next('ops@plant.example')
    const { person } = await people.member('mailer', 'sensor')
    expect(await person.run('mail', 'test', 'ops@plant.example')).toMatchObject({ code: 4 })
  })
})
