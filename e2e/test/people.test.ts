import { TOTP } from 'otpauth'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { json, People } from './people.ts'
import { finished, lines, lineThat } from './sealmq-process.ts'
import { runInTerminal } from './terminal.ts'

// Many short commands each: slow where the machine is busy.
describe('people by the command line', { timeout: 180_000 }, () => {
  let people: People
  beforeAll(async () => {
    people = await People.start()
  })
  afterAll(() => people.stop())

  it('sign up, prove the address, wait, are approved, add the authenticator, publish', async () => {
    const { admin, outbox } = people
    const { person, email } = await people.signUp('eve+shift', 'sensor')
    expect(await people.logInByMail(person, email)).toMatchObject({
      code: 0,
      err: expect.stringMatching(/waits for an administrator.*role sensor/),
    })
    expect(json(await person.run('whoami', '--json'))).toMatchObject({
      state: 'waiting',
      requestedRole: 'sensor',
      sender: null,
      secondFactor: 'email',
    })
    expect(await person.run('pub', '-t', 'iot/sensor', '-m', 'x')).toMatchObject({
      code: 4,
      err: expect.stringContaining('[not-approved]'),
    })
    expect((await admin.run('users', 'list', '--waiting')).out).toMatch(
      /^EMAIL +NAME .*LOCKED\neve\+shift@plant\.example +eve\+shift +- +waiting \(sensor\) +email +-\n$/,
    )
    expect(await admin.run('users', 'approve', 'nobody@plant.example', email)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/nobody@plant\.example: .*\[not-found\]\n.*approved \(sensor\)/),
    })
    await outbox.next(email, ({ subject }) => subject.startsWith('Welcome'))
    expect(await admin.run('users', 'approve', '--all')).toMatchObject({ code: 0, err: 'Nobody waits.\n' })

    expect(await people.logInByMail(person, email)).toMatchObject({
      code: 0,
      err: expect.stringContaining('(sensor)'),
    })
    const { nextCode } = await people.addAuthenticator(person)
    expect(await people.logIn(person, email)).toMatchObject({
      code: 3,
      err: expect.stringMatching(/authenticator app with --otp.*--recovery-code.*\[otp-required\]/),
    })
    const code = nextCode()
    expect(json(await people.logIn(person, email, '--otp', code, '--json'))).toMatchObject({
      email,
      state: 'active',
      roles: ['sensor'],
      sender: expect.any(Number),
    })
    expect(await people.logIn(person, email, '--otp', code)).toMatchObject({
      code: 3,
      err: expect.stringContaining('[wrong-code]'),
    })
    const subscriber = admin.start('sub', '-t', 'iot/sensor', '-q', '1', '-C', '1', '-d')
    const finish = finished(subscriber)
    await lineThat(lines(subscriber, 'stderr'), (line) => line.includes('[subscribed]'))
    expect(await person.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'of Eve')).toMatchObject({ code: 0 })
    expect(await finish).toMatchObject({ code: 0, out: 'of Eve\n' })
  })

  it('are told what is wrong with a sign-up, and take its code as it is typed', async () => {
    const person = people.install()
    const email = 'zoë@plant.example'
    const signup = ['signup', ...people.at('Zoë@Plant.example'), '--name', 'Zoë']
    expect(await person.run(...signup, ...people.passwordOf(person))).toMatchObject({
      code: 2,
      err: expect.stringContaining('admin, controller, sensor, viewer'),
    })
    expect(await person.run(...signup, '--role', 'sensor', ...people.passwordOf(person, 'password1234'))).toMatchObject(
      {
        code: 1,
        err: expect.stringContaining('[weak-password]'),
      },
    )
    const started = await person.run(...signup, '--role', 'sensor', ...people.passwordOf(person), '--json')
    expect(json(started)).toMatchObject({ server: people.server, retryAfter: 1 })
    const code = await people.outbox.code(email)
    const verify = ['verify', ...people.at(email)]
    expect(await person.run(...verify)).toMatchObject({ code: 2, err: expect.stringContaining('[code-needed]') })
    expect(await person.run(...verify, '--resend')).toMatchObject({
      code: 1,
      err: expect.stringContaining('[sign-up-again]'),
    })
    // Somebody else's sign-up is not proved by it.
    const wrong = { code: 3, err: expect.stringContaining('[wrong-code]') }
    expect(await people.install().run(...verify, '--code', code)).toMatchObject(wrong)
    expect(await person.run(...verify, '--code', code === '000000' ? '000001' : '000000')).toMatchObject(wrong)
    const typed = `${code.slice(0, 3)} ${code.slice(3)}`
    expect(json(await person.run(...verify, '--code', typed, '--json'))).toMatchObject({ state: 'waiting' })
    expect(await person.run(...verify, '--code', code)).toMatchObject(wrong)
  })

  it('forget the password, and lose the authenticator', async () => {
    const { person, email } = await people.member('forgetful', 'sensor')
    expect(await person.run('factor', 'add', 'totp')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/sealmq verify --server \S+ --email \S+ --resend \[address-unproved\]/),
    })
    await people.proveAddress(person, email)
    const shown = await person.run('factor', 'add', 'totp')
    expect(shown).toMatchObject({ code: 0, err: expect.stringContaining('sealmq factor confirm totp') })
    expect(shown.out).toMatch(/█▀▀▀▀▀▀▀█[\s\S]*secret {2}[A-Z2-7]{32}\nURI {5}otpauth:\/\/totp\//)
    const { recoveryCodes } = await people.addAuthenticator(person)

    const nobody = await people.install().run('password', 'forgot', ...people.at('nobody@plant.example'))
    expect(nobody).toMatchObject({ code: 0, err: expect.stringContaining('If there is an account') })
    const forgot = await person.run('password', 'forgot', ...people.at(email))
    expect(forgot).toMatchObject({ code: 0, err: expect.stringContaining('sealmq password reset') })
    const renewed = 'another river under nine bridges'
    const reset = ['password', 'reset', ...people.at(email), '--code', await people.outbox.code(email)]
    expect(await person.run(...reset, ...people.passwordOf(person, renewed))).toMatchObject({ code: 0 })
    expect(await person.run('factor', 'list')).toMatchObject({ code: 3 })
    expect(await people.logInWith(renewed, person, email)).toMatchObject({
      code: 3,
      err: expect.stringContaining('[otp-required]'),
    })
    const recovered = ['--recovery-code', recoveryCodes[0]!.toLowerCase()]
    expect(await people.logInWith(renewed, person, email, ...recovered)).toMatchObject({ code: 0 })
    expect(await people.logInWith(renewed, person, email, ...recovered)).toMatchObject({
      code: 3,
      err: expect.stringContaining('[wrong-code]'),
    })
    expect((await person.run('factor', 'list')).out).toMatch(/authenticator app[\s\S]*recovery codes left: 9/)
    const fresh = json<{ recoveryCodes: string[] }>(await person.run('factor', 'recovery-codes', '--json'))
    expect(fresh.recoveryCodes).not.toContain(recoveryCodes[1])
    expect(await person.run('factor', 'remove', 'totp')).toMatchObject({ code: 0 })
    expect(json(await person.run('factor', 'list', '--json'))).toMatchObject({ secondFactor: 'none' })
  })

  it('give a fresh factor before changes, in a terminal when they are asked', async () => {
    const { admin, adminPassword } = people
    const create = (name: string) => ['roles', 'create', name]
    people.age('ada@plant.example')
    expect(await admin.run(...create('night'))).toMatchObject({
      code: 4,
      err: expect.stringMatching(/sealmq step-up --password-file FILE.*\[step-up-required\]/),
    })
    expect(await admin.run('step-up')).toMatchObject({ code: 2 })
    const steppedUp = await admin.run('step-up', ...people.passwordOf(admin, adminPassword), '--json')
    expect(json<{ until: number }>(steppedUp).until).toBeGreaterThan(Date.now())
    expect(await admin.run(...create('night'))).toMatchObject({ code: 0 })
    people.age('ada@plant.example')
    const asked = await runInTerminal(admin, [['Your password: ', adminPassword]], ...create('day'))
    expect(asked).toMatchObject({ code: 0, out: expect.stringContaining('Role day created.') })
    expect(asked.out).not.toContain(adminPassword)

    const { person, email } = await people.signUp('careful', 'sensor')
    expect(await people.logInByMail(person, email)).toMatchObject({ code: 0 })
    people.age(email)
    expect(await person.run('factor', 'add', 'totp')).toMatchObject({
      code: 4,
      err: expect.stringMatching(/sealmq step-up --send.*\[step-up-required\]/),
    })
    expect(await person.run('step-up', '--send')).toMatchObject({ code: 0 })
    const added = await person.run('factor', 'add', 'totp', '--otp', await people.outbox.code(email), '--json')
    const totp = new TOTP({ secret: json<{ secret: string }>(added).secret })
    expect(await person.run('factor', 'confirm', 'totp', '--otp', totp.generate())).toMatchObject({ code: 0 })
    people.age(email)
    const remove = ['account', 'delete', '--yes', ...people.passwordOf(person)]
    expect(await person.run(...remove)).toMatchObject({
      code: 4,
      err: expect.stringMatching(/sealmq step-up --otp CODE.*\[step-up-required\]/),
    })
    const code = totp.generate({ timestamp: Date.now() + 30_000 })
    expect(await runInTerminal(person, [['authenticator app: ', code]], ...remove)).toMatchObject({ code: 0 })
  })

  it('sign in and add the authenticator in a terminal, passwords unseen', async () => {
    const { person, email } = await people.signUp('terminal', 'sensor')
    const signedIn = await runInTerminal(
      person,
      [
        ['Password: ', people.password],
        ['Code from the mail: ', 'not this'],
        ['Code from the mail: ', () => people.outbox.code(email)],
      ],
      'login',
      ...people.at(email),
    )
    expect(signedIn).toMatchObject({ code: 0, out: expect.stringMatching(/A code was mailed[\s\S]*Signed in as/) })
    expect(signedIn.out).not.toContain(people.password)
    const codeOf = (screen: string) => new TOTP({ secret: /secret {2}([A-Z2-7]+)/.exec(screen)![1]! }).generate()
    const added = await runInTerminal(person, [['Code of your authenticator app: ', codeOf]], 'factor', 'add', 'totp')
    expect(added).toMatchObject({ code: 0, out: expect.stringContaining('Recovery codes') })
    const typed = `Type ${email}`
    const refused = await runInTerminal(person, [[typed, 'ada']], 'account', 'delete')
    expect(refused).toMatchObject({ code: 1, out: expect.stringContaining('nothing was deleted') })
    const answers = [
      [typed, email],
      ['Password: ', people.password],
    ] as const
    expect(await runInTerminal(person, answers, 'account', 'delete')).toMatchObject({
      code: 0,
      out: expect.stringContaining('is deleted'),
    })
  })

  it('change the password and the address, then delete the account', async () => {
    const { admin, outbox } = people
    const { person, email } = await people.member('moving', 'sensor')
    const changed = 'another river under nine bridges'
    const toChanged = ['--new-password-file', person.passwordFile(changed)]
    expect(await person.run('password', 'change', ...people.passwordOf(person), ...toChanged)).toMatchObject({
      code: 0,
    })
    const moved = 'moved@plant.example'
    const account = (word: string, ...more: string[]) => person.run('account', word, ...more)
    expect(await account('email', '--email', moved, ...people.passwordOf(person, changed))).toMatchObject({ code: 0 })
    const confirmed = await account('confirm-email', '--code', await outbox.code(moved), '--json')
    expect(json(confirmed)).toEqual({ email: moved })
    await outbox.next(email, ({ subject }) => subject.includes('address'))
    expect(await people.logInWith(changed, person, email)).toMatchObject({ code: 3 })
    expect(await people.logInWith(changed, person, moved)).toMatchObject({ code: 0 })
    expect(await account('delete', ...people.passwordOf(person, changed))).toMatchObject({
      code: 2,
      err: expect.stringContaining('[confirmation-needed]'),
    })
    expect(await account('delete', '--yes', ...people.passwordOf(person))).toMatchObject({
      code: 3,
      err: expect.stringContaining('[wrong-credentials]'),
    })
    expect(await account('delete', '--yes', ...people.passwordOf(person, changed))).toMatchObject({ code: 0 })
    expect(await person.run('whoami')).toMatchObject({ code: 3, err: expect.stringContaining('[not-signed-in]') })
    expect((await admin.run('users', 'list')).out).not.toContain(moved)
  })

  it('list and end their sessions', async () => {
    const { person, email } = await people.member('sessions', 'sensor')
    const elsewhere = people.install()
    expect(await people.logIn(elsewhere, email)).toMatchObject({ code: 0 })
    const sessions = json<{ id: string; current: boolean }[]>(await person.run('sessions', 'list', '--json'))
    expect(sessions.map(({ current }) => current).sort()).toEqual([false, true])
    expect(await person.run('sessions', 'end')).toMatchObject({ code: 2 })
    const other = sessions.find(({ current }) => !current)!
    expect(await person.run('sessions', 'end', other.id)).toMatchObject({ code: 0 })
    expect(await elsewhere.run('sessions', 'list')).toMatchObject({ code: 3 })
    expect(await person.run('sessions', 'end', other.id)).toMatchObject({ code: 1 })
    expect(await people.logIn(elsewhere, email)).toMatchObject({ code: 0 })
    expect(await person.run('sessions', 'end', '--others')).toMatchObject({ code: 0 })
    expect((await person.run('sessions', 'list')).out).toMatch(
      /^SESSION .*PROGRAM\n\S+ .* sealmq\/\S+ on .*\(this one\)\n$/,
    )
  })
})
