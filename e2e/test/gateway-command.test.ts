import { routes } from '@sealmq/protocol/api'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GatewayPlant, machine } from './gateway-plant.ts'
import { Inbox } from './plant.ts'
import { ended, Installation, lines, lineThat } from './sealmq-process.ts'

describe('sealmq gateway', { timeout: 180_000 }, () => {
  let plants: GatewayPlant
  let installation: Installation
  beforeAll(async () => {
    plants = await GatewayPlant.start()
    installation = new Installation()
    installation.signIn(plants.identity)
  })
  afterAll(async () => {
    installation.stop()
    await plants.stop()
  })
  const up = (from: string, to: string) => ({ direction: 'up', from, to })

  it('--check says that all is right, or which lines name what this sender may not use, and ends', async () => {
    const right = plants.config([up('m/#', 'plant/{#}')])
    expect(await installation.run('gateway', '--config', right, '--check')).toMatchObject({
      code: 0,
      err: expect.stringContaining('1 rule, all permitted'),
    })
    const wrong = plants.config([
      up('m/#', 'plant/{#}'),
      up('n/#', 'nowhere/{#}'),
      { direction: 'down', from: 'iot/#', to: 'x/{#}' },
    ])
    const { code, err } = await installation.run('gateway', '--config', wrong, '--check')
    expect(code).toBe(4)
    expect(err).toMatch(/gateway-\d+\.json:\d+: nowhere\/# lies in no channel/)
    expect(err).toMatch(/gateway-\d+\.json:\d+: iot\/# lies in no channel/)
    expect(err).not.toContain('m/#')
    const start = await installation.run('gateway', '--config', wrong)
    expect(start).toMatchObject({ code: 4, out: '', err: expect.stringContaining('[rules-not-permitted]') })
  })

  it('ends with 2 for a wrong file, and says where', async () => {
    const loop = plants.config([up('m/#', 'plant/{#}'), { direction: 'down', from: 'plant/#', to: 'm/{#}' }])
    expect(await installation.run('gateway', '--config', loop, '--check')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/\.json:\d+: this rule feeds itself by .*\[rules-loop\]/),
    })
    expect(await installation.run('gateway')).toMatchObject({ code: 2 })
    expect(await installation.run('gateway', '--config', '/nowhere')).toMatchObject({
      code: 2,
      err: expect.stringContaining('[bad-config]'),
    })
  })

  it('carries, logs counts but no payloads, and stops in order; two do not share a queue', async () => {
    const path = plants.config([up('m/#', 'plant/{#}')], { log: { level: 'debug', countsEvery: 1 } })
    const child = installation.start('gateway', '--config', path, '--json')
    let log = ''
    child.stderr!.on('data', (chunk) => {
      log += chunk
    })
    const { machines } = JSON.parse(await lineThat(lines(child), (line) => line.includes('ready'))) as {
      machines: string
    }
    expect(await installation.run('gateway', '--config', path)).toMatchObject({
      code: 1,
      err: expect.stringContaining('[queue-locked]'),
    })
    const reader = await plants.plant.connect(await plants.plant.enrol('reader', 'gateway'))
    const inbox = new Inbox(reader)
    await reader.subscribeAsync('plant/#', { qos: 1 })
    const press = await plants.machine(machines)
    await press.publishAsync('m/a', 'a payload that nobody may log', { qos: 1 })
    expect((await inbox.next()).text).toBe('a payload that nobody may log')
    child.kill('SIGTERM')
    expect(await ended(child)).toBe(0)
    expect(log).toMatch(/"taken":1,"forwarded":1,/)
    expect(log).toContain('the gateway has ended')
    for (const secret of ['a payload that', machine.password, plants.identity.token, plants.identity.signingKey])
      expect(log).not.toContain(secret)
  })

  it('prints a hash of a password, which a configuration takes', async () => {
    const { code, out } = await installation.runWithInput('oil and steel\n', 'gateway', '--hash-password')
    expect(code).toBe(0)
    expect(out).toMatch(/^scrypt-16384-8-5\$/)
    const users = [{ user: 'hashed', passwordHash: out.trim(), publish: ['m/#'] }]
    const path = plants.config([up('m/#', 'plant/{#}')], { machines: { listen: { port: 0, users } } })
    const gateway = await plants.startGateway(path)
    const client = await plants.machine(gateway.address(), { username: 'hashed', password: 'oil and steel' })
    expect(client.connected).toBe(true)
    await plants.stopGateway(gateway)
  })

  it('ends with 3 when its sender is removed', async () => {
    const identity = await plants.plant.enrol('leaving', 'gateway')
    const leaving = new Installation()
    leaving.signIn(identity)
    const path = plants.config([up('m/#', 'plant/{#}')])
    const child = leaving.start('gateway', '--config', path, '--json')
    child.stderr!.resume()
    await lineThat(lines(child), (line) => line.includes('ready'))
    await plants.plant.admin.request('DELETE', routes.member.replace(':id', identity.member))
    expect(await ended(child)).toBe(3)
    leaving.stop()
  })
})
