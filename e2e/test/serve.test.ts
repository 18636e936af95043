import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { ended, finished, Installation, lines, lineThat, serve, temporaryFolder } from './sealmq-process.ts'

const password = 'correct horse battery staple'

describe('sealmq serve', () => {
  const installations: Installation[] = []
  const install = () => {
    const installation = new Installation()
    installations.push(installation)
    return installation
  }
  afterAll(() => {
    for (const installation of installations) installation.stop()
  })
  const setUp = (admin: Installation, server: string, code: string, ...more: string[]) =>
    admin.run(
      'setup',
      '--server',
      server,
      '--code',
      code,
      '--email',
      'ada@plant.example',
      '--name',
      'Ada',
      '--password-file',
      admin.passwordFile(password),
      ...more,
    )

  it('speaks HTTPS and MQTTS with a certificate of its own CA, which clients pin', async () => {
    const admin = install()
    const data = temporaryFolder()
    const { http, mqtt, setupCode, child } = await serve(admin, data, '--tls', '--tls-name', 'plant.example')
    expect([new URL(http).protocol, new URL(mqtt).protocol]).toEqual(['https:', 'mqtts:'])
    const ca = join(data, 'tls', 'ca.pem')
    expect(await setUp(admin, http, setupCode!)).toMatchObject({
      code: 5,
      err: expect.stringContaining('[authority-untrusted]'),
    })
    expect(await setUp(admin, http, setupCode!, '--ca', ca)).toMatchObject({ code: 0 })
    const subscriber = admin.start('sub', '-t', 'iot/sensor', '-q', '1', '-C', '1', '-d')
    const finish = finished(subscriber)
    await lineThat(lines(subscriber, 'stderr'), (line) => line.includes('[subscribed]'))
    expect(await admin.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'over TLS')).toMatchObject({ code: 0 })
    expect(await finish).toMatchObject({ code: 0, out: 'over TLS\n' })
    const foreign = await admin.run('whoami')
    expect(foreign.code).toBe(0)
    const { port } = new URL(mqtt)
    const { username, password: secret } = JSON.parse((await admin.run('credentials', '--json')).out)
    const words = [
      '-h',
      'localhost',
      '-p',
      port,
      '--cafile',
      ca,
      '-u',
      username,
      '-P',
      secret,
      '-t',
      'iot/sensor',
      '-m',
      'x',
    ]
    const pub = spawn('mosquitto_pub', words)
    expect((await once(pub, 'exit'))[0]).toBe(0)
    child.kill('SIGTERM')
    expect(await ended(child)).toBe(0)
    const again = await serve(admin, data, '--tls', '--http', new URL(http).host, '--mqtt', new URL(mqtt).host)
    expect(await admin.run('whoami')).toMatchObject({ code: 0 })
    again.child.kill('SIGTERM')
    await ended(again.child)
  })

  it('takes its settings from flags, then the environment, then the file', async () => {
    const admin = install()
    const folder = temporaryFolder()
    const file = join(folder, 'sealmq.json')
    const settings = {
      data: join(folder, 'of-file'),
      name: 'of file',
      http: '127.0.0.1:0',
      mqtt: '127.0.0.1:0',
      logLevel: 'warn',
    }
    writeFileSync(file, JSON.stringify(settings))
    const nameOf = async (environment: Record<string, string>, ...words: string[]) => {
      const child = admin.startWith(environment, 'serve', '--config', file, '--json', ...words)
      const { http } = JSON.parse(await lineThat(lines(child), (line) => line.includes('"ready"')))
      const { name } = (await (await fetch(`${http}/api/v1/deployment`)).json()) as { name: string }
      child.kill('SIGTERM')
      await ended(child)
      return name
    }
    expect(await nameOf({})).toBe('of file')
    expect(readdirSync(folder)).toContain('of-file')
    expect(await nameOf({ SEALMQ_NAME: 'of environment' })).toBe('of environment')
    expect(await nameOf({ SEALMQ_NAME: 'of environment' }, '--name', 'of flag')).toBe('of flag')
    writeFileSync(file, JSON.stringify({ ...settings, colour: 'blue' }))
    expect(await admin.run('serve', '--config', file)).toMatchObject({
      code: 2,
      err: expect.stringContaining('colour'),
    })
    writeFileSync(file, '{')
    expect(await admin.run('serve', '--config', file)).toMatchObject({
      code: 2,
      err: expect.stringContaining('[bad-setting]'),
    })
    expect(await admin.run('serve', '--http', 'nonsense')).toMatchObject({
      code: 2,
      err: expect.stringContaining('HOST:PORT'),
    })
    expect(await admin.run('serve', '--http', '0.0.0.0:0')).toMatchObject({
      code: 1,
      err: expect.stringContaining('[plain-refused]'),
    })
  })

  it('loses nothing that it has acknowledged when it is killed', async () => {
    const admin = install()
    const data = temporaryFolder()
    let authority = await serve(admin, data)
    await setUp(admin, authority.http, authority.setupCode!)
    const durable = ['sub', '-t', 'iot/sensor', '-q', '1', '--durable', '-i', 'durable', '-d']
    const first = admin.start(...durable)
    await lineThat(lines(first, 'stderr'), (line) => line.includes('[subscribed]'))
    first.kill('SIGINT')
    await ended(first)
    const created: string[] = []
    for (let round = 0; round < 3; round++) {
      const name = `role-${round}`
      expect(await admin.run('roles', 'create', name)).toMatchObject({ code: 0 })
      created.push(name)
      expect(await admin.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', `message ${round}`)).toMatchObject({ code: 0 })
      authority.child.kill('SIGKILL')
      await ended(authority.child)
      authority = await serve(
        admin,
        data,
        '--http',
        new URL(authority.http).host,
        '--mqtt',
        new URL(authority.mqtt).host,
      )
    }
    const roles = JSON.parse((await admin.run('roles', 'list', '--json')).out) as { name: string }[]
    expect(roles.map(({ name }) => name)).toEqual(expect.arrayContaining(created))
    expect(await admin.run(...durable, '-C', '3')).toMatchObject({ code: 0, out: 'message 0\nmessage 1\nmessage 2\n' })
    authority.child.kill('SIGTERM')
    await ended(authority.child)
  })

  it('is backed up while it runs, and restored into another folder', async () => {
    const admin = install()
    const folder = temporaryFolder()
    const authority = await serve(admin, join(folder, 'data'))
    await setUp(admin, authority.http, authority.setupCode!)
    const backup = await admin.run(
      'backup',
      join(folder, 'backup'),
      '--data',
      join(folder, 'data'),
      '--with-master-key',
      '--json',
    )
    expect(backup).toMatchObject({ code: 0 })
    authority.child.kill('SIGKILL')
    await ended(authority.child)
    const restored = await admin.run('restore', join(folder, 'backup'), '--data', join(folder, 'restored'))
    expect(restored).toMatchObject({ code: 0, err: expect.stringContaining('sign in again') })
    const again = await serve(
      admin,
      join(folder, 'restored'),
      '--http',
      new URL(authority.http).host,
      '--mqtt',
      new URL(authority.mqtt).host,
    )
    expect(await admin.run('pub', '-t', 'iot/sensor', '-q', '1', '-m', 'x')).toMatchObject({ code: 0 })
    expect(await admin.run('users', 'list')).toMatchObject({ code: 3 })
    again.child.kill('SIGTERM')
    await ended(again.child)
  })
})
