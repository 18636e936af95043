import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { json, People } from './people.ts'
import { ended, type Installation, lines, lineThat, serve, temporaryFolder } from './sealmq-process.ts'

interface Made {
  name: string
  ticket: string
}
interface Kept {
  session: null
  identity: { token: string; nextToken?: string; authority: string; ca: string | null }
}

const kept = ({ home }: Installation) => JSON.parse(readFileSync(join(home, 'credentials.json'), 'utf8')) as Kept
const fieldsOf = (ticket: string) =>
  JSON.parse(Buffer.from(ticket.slice(7), 'base64url').toString()) as Record<string, string>
const ticketOf = (fields: object) => `SEALMQ-${Buffer.from(JSON.stringify(fields)).toString('base64url')}`

// Many short commands each: slow where the machine is busy.
describe('devices by the command line', { timeout: 180_000 }, () => {
  let people: People
  beforeAll(async () => {
    people = await People.start()
  }, 180_000)
  afterAll(() => people.stop())

  const add = async (name: string, ...more: string[]) =>
    json<Made>(await people.admin.run('devices', 'add', name, '--role', 'sensor', '--json', ...more))
  const enrolled = async (name: string) => {
    const device = people.install()
    const { ticket } = await add(name)
    expect(await device.runWithInput(`${ticket}\n`, 'enroll', '-')).toMatchObject({ code: 0 })
    return device
  }

  it('enrol by a ticket, once, and are the verified sender of what they publish', async () => {
    const { admin } = people
    const device = people.install()
    const shown = await admin.run('devices', 'add', 'Pump-1', '--role', 'sensor', '--qr')
    expect(shown).toMatchObject({ code: 0, err: expect.stringMatching(/pump-1, .*until 20.*\n.*sealmq enroll -/) })
    const [ticket = '', ...qr] = shown.out.split('\n')
    expect(qr.length).toBeGreaterThan(20)
    expect(await device.runWithInput(ticket, 'enroll', '-')).toMatchObject({
      code: 0,
      err: expect.stringContaining('the device pump-1 now'),
    })
    expect(statSync(join(device.home, 'credentials.json')).mode & 0o777).toBe(0o600)
    expect(readFileSync(join(device.home, 'credentials.json'), 'utf8')).not.toContain(fieldsOf(ticket).c)

    const { person } = await people.member('reader', 'sensor', 'viewer')
    const sub = person.start('sub', '-t', 'iot/sensor', '-C', '1', '--json', '-d')
    const out = lines(sub)
    await lineThat(lines(sub, 'stderr'), (line) => line.includes('[subscribed]'))
    expect(await device.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'warm')).toMatchObject({ code: 0 })
    expect(JSON.parse(await lineThat(out, (line) => line.startsWith('{')))).toMatchObject({
      payload: 'warm',
      sender: { member: 'pump-1' },
    })
    expect(await ended(sub)).toBe(0)

    const other = people.install()
    expect(await other.run('enroll', ticket)).toMatchObject({ code: 3, err: expect.stringContaining('[wrong-code]') })
    expect(existsSync(join(other.home, 'credentials.json'))).toBe(false)
    expect((await admin.run('devices', 'list', '--search', 'PUMP')).out).toMatch(
      /^NAME +ROLES +STATE +LAST SEEN +ADDRESS +VERSION +LAG\npump-1 +sensor +enrolled +20\S+ +127\.0\.0\.1 +\d\S+ +0\n$/,
    )
    expect((await admin.run('devices', 'show', 'pump-1')).out).toMatch(/^last seen +20\S+ from 127\.0\.0\.1$/m)
  })

  it('have no session, and say so', async () => {
    const device = await enrolled('pump-2')
    expect(json(await device.run('whoami', '--json'))).toMatchObject({ name: 'pump-2', administrator: false })
    for (const words of [
      ['devices', 'list'],
      ['senders', 'list'],
      ['factor', 'list'],
      ['audit', 'list'],
    ]) {
      expect(await device.run(...words), words.join(' ')).toMatchObject({
        code: 3,
        err: expect.stringMatching(/is the device pump-2.*SEALMQ_HOME.*\[no-session\]/),
      })
    }
    expect(await people.logIn(device, 'ada@plant.example')).toMatchObject({
      code: 2,
      err: expect.stringContaining('[is-device]'),
    })
    const { ticket } = await add('pump-3')
    for (const installation of [device, people.admin]) {
      expect(await installation.run('enroll', ticket)).toMatchObject({
        code: 2,
        err: expect.stringContaining('[other-identity]'),
      })
    }
    expect(await device.run('enroll', ticket, '--force')).toMatchObject({ code: 0 })
    expect(json(await people.admin.run('devices', 'show', 'pump-2', '--json'))).toMatchObject({ state: 'waiting' })
    expect(await device.run('pub', '-t', 'iot/sensor', '-m', 'x')).toMatchObject({ code: 0 })
    expect(await device.run('logout')).toMatchObject({ code: 0 })
    expect(await device.run('pub', '-t', 'iot/sensor', '-m', 'x')).toMatchObject({ code: 3 })
  })

  it('are out within a second when disabled, and in again when enabled or enrolled anew', async () => {
    const { admin } = people
    const device = await enrolled('pump-4')
    const pub = device.start('pub', '-t', 'iot/sensor', '-q', '1', '--stdin-line')
    pub.stderr!.resume()
    const finish = ended(pub)
    pub.stdin!.write('x\n')
    const sub = admin.start('devices', 'disable', 'pump-4', '--json')
    const disabled = JSON.parse(await lineThat(lines(sub), (line) => line.startsWith('{'))) as { state: string }
    const from = performance.now()
    expect(disabled.state).toBe('disabled')
    const { token, authority } = kept(device).identity
    const keyring = await fetch(`${authority}/api/v1/keyring`, { headers: { authorization: `Bearer ${token}` } })
    expect(keyring.status).toBe(401)
    expect(performance.now() - from).toBeLessThan(1000)
    pub.stdin!.end('y\n')
    expect(await finish).not.toBe(0)
    expect((await device.run('pub', '-t', 'iot/sensor', '-m', 'x')).code).not.toBe(0)
    expect(await admin.run('devices', 'ticket', 'pump-4')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/devices enable pump-4.*\[conflict\]/),
    })
    expect(await admin.run('devices', 'enable', 'pump-4')).toMatchObject({ code: 0 })
    expect(await device.run('pub', '-t', 'iot/sensor', '-m', 'x')).toMatchObject({ code: 0 })

    const { ticket } = json<Made>(await admin.run('devices', 'ticket', 'pump-4', '--json'))
    expect(await device.run('enroll', ticket)).toMatchObject({ code: 0 })
    expect(await device.run('pub', '-t', 'iot/sensor', '-m', 'x')).toMatchObject({ code: 0 })
    const old = await fetch(`${authority}/api/v1/keyring`, { headers: { authorization: `Bearer ${token}` } })
    expect(old.status).toBe(401)

    expect(await admin.run('devices', 'role', 'pump-4', 'admin')).toMatchObject({
      code: 1,
      err: expect.stringContaining('[role-for-people]'),
    })
    expect(await admin.run('devices', 'role', 'pump-4', 'viewer')).toMatchObject({
      code: 0,
      err: 'pump-4 has viewer now.\n',
    })
    expect(await device.run('pub', '-t', 'iot/sensor', '-m', 'x')).toMatchObject({ code: 4 })
    const { email } = await people.member('not-a-device', 'viewer')
    for (const word of ['disable', 'remove']) {
      expect(await admin.run('devices', word, email)).toMatchObject({ err: expect.stringContaining('[not-found]') })
    }
    expect(await admin.run('devices', 'remove', 'pump-4')).toMatchObject({ code: 0 })
    expect((await admin.run('devices', 'list')).out).not.toContain('pump-4')
  })

  it('publish under their own name alone where a grant says {member}', async () => {
    const { admin } = people
    expect(await admin.run('channels', 'create', 'units', '--filter', 'units/#')).toMatchObject({ code: 0 })
    const grants = ['--grant', 'publish:units=units/{member}/#', '--grant', 'publish:units=units/all/{member}']
    expect(await admin.run('roles', 'create', 'unit', ...grants)).toMatchObject({ code: 0 })
    expect((await admin.run('roles', 'list')).out).toMatch(
      /^unit +0 +units \(units\/all\/\{member\}, units\/\{member\}\/#\) +- /m,
    )
    const device = people.install()
    const { ticket } = json<Made>(await admin.run('devices', 'add', 'unit-1', '--role', 'unit', '--json'))
    expect(await device.runWithInput(`${ticket}\n`, 'enroll', '-')).toMatchObject({ code: 0 })
    expect((await device.run('whoami')).out).toContain('may publish: units (units/all/unit-1, units/unit-1/#)')
    for (const topic of ['units/unit-1/pressure', 'units/all/unit-1'])
      expect(await device.run('pub', '-t', topic, '-q', '1', '-m', 'x'), topic).toMatchObject({ code: 0 })
    for (const topic of ['units/unit-2/pressure', 'units/all/unit-2', 'units/all'])
      expect(await device.run('pub', '-t', topic, '-q', '1', '-m', 'x'), topic).toMatchObject({
        code: 4,
        err: expect.stringContaining('may publish on units/all/unit-1, units/unit-1/# only'),
      })
  })

  describe('whose tokens are renewed', () => {
    const publish = (device: Installation) => device.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'x')
    const path = ({ home }: Installation) => join(home, 'credentials.json')
    const content = (device: Installation) => JSON.parse(readFileSync(path(device), 'utf8'))
    const edit = (device: Installation, change: Partial<Kept['identity']>) => {
      const { identity, ...kept } = content(device)
      writeFileSync(path(device), JSON.stringify({ ...kept, identity: { ...identity, ...change } }))
    }
    /** A second machine with the same folder. */
    const clone = (device: Installation) => {
      const copy = people.install()
      cpSync(device.home, copy.home, { recursive: true })
      return copy
    }
    const due = () => people.change('update senders set created_at = 0, token_since = null')
    const longAgo = () => people.change('update spent_tokens set spent_at = 0')

    it('go on with the next one, in every process of the folder', async () => {
      const device = await enrolled('renewed')
      const before = kept(device).identity.token
      const sub = device.start('sub', '-t', 'iot/sensor', '-C', '2', '--json', '-d')
      const told = lines(sub, 'stderr')
      await lineThat(told, (line) => line.includes('[subscribed]'))
      due()
      expect(await publish(device)).toMatchObject({ code: 0 })
      const after = kept(device).identity.token
      expect(after).not.toBe(before)
      expect(content(device).identity).not.toHaveProperty('nextToken')
      expect(statSync(path(device)).mode & 0o777).toBe(0o600)
      expect(await device.run('whoami')).toMatchObject({ code: 0 })
      longAgo()
      // The keyring is read anew by the process that began with the token of before.
      expect(await people.admin.run('channels', 'rotate', 'sensor')).toMatchObject({ code: 0 })
      expect(await publish(device)).toMatchObject({ code: 0 })
      expect(await ended(sub)).toBe(0)
      expect((await people.admin.run('devices', 'show', 'renewed')).out).toMatch(/^state +enrolled$/m)
    })

    it('go on wherever the device was stopped between the next token and its place', async () => {
      const device = await enrolled('stopped')
      const { token, authority } = kept(device).identity
      const nextToken = randomBytes(32).toString('base64url')
      // Kept, not told.
      due()
      edit(device, { nextToken })
      expect(await publish(device)).toMatchObject({ code: 0 })
      expect(content(device).identity).toMatchObject({ token: nextToken })
      // Kept and told; the answer was lost.
      const after = randomBytes(32).toString('base64url')
      const told = await fetch(`${authority}/api/v1/renewal`, {
        method: 'POST',
        headers: { authorization: `Bearer ${nextToken}`, 'content-type': 'application/json' },
        body: JSON.stringify({ token: after }),
      })
      expect([token === nextToken, told.status]).toEqual([false, 204])
      edit(device, { nextToken: after })
      due()
      expect(await publish(device)).toMatchObject({ code: 0 })
      expect(content(device).identity).toMatchObject({ token: after })
      expect(content(device).identity).not.toHaveProperty('nextToken')
      expect(await publish(device)).toMatchObject({ code: 0 })
    })

    it('show two copies of one folder, and both are out until the device is enrolled anew', async () => {
      const device = await enrolled('cloned')
      const copy = clone(device)
      for (const one of [device, copy]) expect(await publish(one)).toMatchObject({ code: 0 })
      due()
      expect(await publish(copy)).toMatchObject({ code: 0 })
      expect(await publish(copy)).toMatchObject({ code: 0 })
      longAgo()
      const refused = { code: 3, err: expect.stringContaining('Two installations had the same credentials') }
      expect(await publish(device)).toMatchObject(refused)
      expect(await publish(copy)).toMatchObject(refused)
      expect((await people.admin.run('devices', 'list', '--search', 'cloned')).out).toMatch(/^cloned +sensor +copied /m)
      expect((await people.admin.run('audit', 'list', '--action', 'sender.copied')).out).toContain('cloned')
      const { ticket } = json<Made>(await people.admin.run('devices', 'ticket', 'cloned', '--json'))
      expect(await device.run('enroll', ticket, '--force')).toMatchObject({ code: 0 })
      expect(await publish(device)).toMatchObject({ code: 0 })
      expect(await publish(copy)).toMatchObject(refused)
    })
  })

  it('are imported from a file, all or none', async () => {
    const { admin } = people
    const folder = temporaryFolder()
    const [file, out] = [join(folder, 'devices.csv'), join(folder, 'tickets.csv')]
    const run = () => admin.run('devices', 'import', '--file', file, '--out', out)
    for (const [bad, code, text] of [
      ['line-2 sensor', 2, /devices\.csv: line 3: .*\[bad-file\]/],
      [
        'line-2,no such role',
        1,
        /devices\.csv: line 3: There is no role no such role\..*Nothing was made\. \[not-found\]/,
      ],
    ] as const) {
      writeFileSync(file, `name,role\nline-1,sensor\n${bad}\n`)
      expect(await run()).toMatchObject({ code, err: expect.stringMatching(text) })
      expect(existsSync(out)).toBe(false)
      expect(json(await admin.run('devices', 'list', '--search', 'line-', '--json'))).toEqual([])
    }
    writeFileSync(file, 'name,role\nline-1,sensor\nline-2,sensor;viewer\n')
    expect(await run()).toMatchObject({ code: 0, out: '', err: expect.stringMatching(/^2 devices made\..*until 20/) })
    expect(statSync(out).mode & 0o777).toBe(0o600)
    const [head, one, two] = readFileSync(out, 'utf8').split('\n')
    expect([head, one!.split(',')[0], two!.split(',')[0]]).toEqual(['name,ticket', 'line-1', 'line-2'])
    const device = people.install()
    expect(await device.run('enroll', two!.split(',')[1]!)).toMatchObject({ code: 0 })
    expect(await run()).toMatchObject({ code: 2, err: expect.stringContaining('is there already') })
  })

  it('give nothing to an authority that is another one, nor over a plain network', async () => {
    const { ticket } = await add('pump-5')
    const fields = fieldsOf(ticket)
    const asked: string[] = []
    const shown = await (await fetch(`${people.server}/api/v1/deployment`)).json()
    const impostor = createServer((request, response) => {
      asked.push(`${request.method} ${request.url}`)
      const { authorityKey } = shown as { authorityKey: string }
      const other = Buffer.from(authorityKey, 'base64url').fill(7, 1)
      response.setHeader('content-type', 'application/json')
      response.end(JSON.stringify({ ...(shown as object), authorityKey: other.toString('base64url') }))
    })
    const device = people.install()
    try {
      const there = ticketOf({ ...fields, u: await listen(impostor, 'http') })
      expect(await device.run('enroll', there)).toMatchObject({
        code: 5,
        err: expect.stringMatching(/Nothing was sent.*\[authority-mismatch\]/),
      })
      expect(asked).toEqual(['GET /api/v1/deployment'])
    } finally {
      impostor.close()
    }
    expect(await device.run('enroll', ticketOf({ ...fields, u: 'http://192.0.2.1:8080' }))).toMatchObject({
      code: 2,
      err: expect.stringContaining('[plain-refused]'),
    })
    expect(await device.run('enroll', ticket.slice(0, -30))).toMatchObject({ code: 2 })
    expect(await device.runWithInput('', 'enroll', '-')).toMatchObject({
      code: 2,
      err: expect.stringContaining('[bad-ticket]'),
    })
    expect(await device.run('enroll', ticket)).toMatchObject({ code: 0 })
  })
})

describe('devices of an authority with a CA of its own', { timeout: 180_000 }, () => {
  it('fetch the CA that the ticket means, and trust no other', async () => {
    const people = new People()
    try {
      const { admin } = people
      const data = temporaryFolder()
      const { http, setupCode } = await serve(admin, data, '--tls')
      const ca = join(data, 'tls', 'ca.pem')
      const setup = [
        '--server',
        http,
        '--ca',
        ca,
        '--code',
        setupCode!,
        '--email',
        'ada@plant.example',
        '--name',
        'Ada',
      ]
      expect(await admin.run('setup', ...setup, ...people.passwordOf(admin, people.adminPassword))).toMatchObject({
        code: 0,
      })
      const { ticket } = json<Made>(await admin.run('devices', 'add', 'pump', '--role', 'sensor', '--json'))

      // An impostor with a certificate that nobody vouches for: the real one's CA in front changes nothing.
      const folder = temporaryFolder()
      const foreign = await serve(people.install(), folder, '--tls')
      const pair = (name: string) => readFileSync(join(folder, 'tls', name))
      const asked: string[] = []
      let shown = pair('ca.pem')
      const impostor = createTlsServer({ key: pair('server.key'), cert: pair('server.pem') }, (request, response) => {
        asked.push(`${request.method} ${request.url}`)
        response.end(shown)
      })
      const device = people.install()
      const there = ticketOf({ ...fieldsOf(ticket), u: await listen(impostor, 'https') })
      expect(await device.run('enroll', there)).toMatchObject({
        code: 5,
        err: expect.stringMatching(/Nothing was sent.*\[ca-mismatch\]/),
      })
      shown = Buffer.concat([readFileSync(ca), Buffer.from('\n'), pair('ca.pem')])
      expect(await device.run('enroll', there)).toMatchObject({
        code: 5,
        err: expect.stringContaining('[authority-untrusted]'),
      })
      expect(asked).toEqual(['GET /api/v1/ca', 'GET /api/v1/ca'])
      impostor.close()
      foreign.child.kill('SIGKILL')

      expect(await device.run('enroll', ticket, '--ca', join(folder, 'tls', 'ca.pem'))).toMatchObject({ code: 5 })
      expect(await device.run('enroll', ticket)).toMatchObject({ code: 0 })
      const { token, ca: pinned } = kept(device).identity
      expect(token).toHaveLength(43)
      expect(pinned!.trim()).toBe(readFileSync(ca, 'utf8').trim())
      expect(await device.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'x')).toMatchObject({ code: 0 })
    } finally {
      people.stop()
    }
  })
})

async function listen(server: Server | ReturnType<typeof createTlsServer>, scheme: string): Promise<string> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`
}
