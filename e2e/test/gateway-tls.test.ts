import { mkdtempSync, writeFileSync } from 'node:fs'
import { connect as connectTcp } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls } from 'node:tls'
import type { Gateway } from '@sealmq/gateway'
import mqttPacket from 'mqtt-packet'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { localTls } from '../../packages/server/src/tls/local-authority.ts'
import { GatewayPlant, machine, until } from './gateway-plant.ts'
import { Inbox } from './plant.ts'

const connectPacket = {
  cmd: 'connect',
  clientId: 'plain',
  ...machine,
  password: Buffer.from(machine.password),
} as const

describe('the listener for machines with TLS, and the metrics', { timeout: 120_000 }, () => {
  let plants: GatewayPlant
  let gateway: Gateway
  let ca: string
  beforeAll(async () => {
    plants = await GatewayPlant.start()
    const folder = mkdtempSync(join(tmpdir(), 'sealmq-gateway-tls-'))
    const { cert, key, ca: root } = await localTls(folder, ['127.0.0.1'], Date.now())
    ca = root!
    writeFileSync(join(plants.folder, 'machines.pem'), cert)
    writeFileSync(join(plants.folder, 'machines.key'), key, { mode: 0o600 })
    const user = { user: machine.username, passwordFile: 'machine-password', publish: ['#'], subscribe: ['#'] }
    const tls = { certFile: 'machines.pem', keyFile: 'machines.key' }
    const path = plants.config([{ direction: 'up', from: 'm/#', to: 'plant/{#}' }], {
      machines: { listen: { port: 0, tls, users: [user] } },
      metrics: { port: 0 },
    })
    gateway = await plants.startGateway(path)
  }, 120_000)
  afterAll(() => plants.stop())
  const port = () => Number(new URL(gateway.address()).port)
  const values = async () => {
    const text = await (await fetch(gateway.metricsUrl!)).text()
    return Object.fromEntries(
      [...text.matchAll(/^sealmq_gateway_(\w+) (\d+)$/gm)].map(([, name, value]) => [name, value]),
    )
  }

  it('takes machines that know its CA; the metrics count what they sent', async () => {
    expect(gateway.address()).toMatch(/^mqtts:/)
    const inbox = new Inbox()
    const reader = await plants.plant.connect(await plants.plant.enrol('reader', 'gateway'), { on: inbox.listeners })
    await reader.subscribeAsync('plant/#', { qos: 1 })
    const press = await plants.machine(gateway.address(), { ca })
    await press.publishAsync('m/value', 'CANARY-1', { qos: 1 })
    expect((await inbox.next()).text).toBe('CANARY-1')
    await until(() => gateway.counts.forwarded === 1)
    expect(await values()).toMatchObject({
      taken_total: '1',
      forwarded_total: '1',
      dropped_total: '0',
      rejected_total: '0',
      turned_away_total: '0',
      queue_messages: '0',
      plant_connected: '1',
    })
  })

  it('is not trusted without its CA, and takes nothing plain and nothing older than TLS 1.2', async () => {
    await expect(plants.machine(gateway.address())).rejects.toThrow(/certificate/)
    const plain = connectTcp(port(), '127.0.0.1', () => plain.write(mqttPacket.generate(connectPacket)))
    let answered = ''
    plain
      .on('error', () => {})
      .on('data', (bytes) => {
        answered += bytes.toString('hex')
      })
    await new Promise((resolve) => plain.once('close', resolve))
    // A TLS alert at most (RFC 8446, 5.1: content type 21), never a CONNACK.
    expect(answered).toMatch(/^(15.*)?$/)
    const old = connectTls({
      port: port(),
      host: '127.0.0.1',
      ca,
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    const error = await new Promise<Error>((resolve) => old.once('error', resolve))
    expect(error.message).toMatch(/version|unsupported/)
  })

  it('drops the oldest of many that do not shake hands, and goes on taking machines', async () => {
    const turnedAway = gateway.counts.turnedAway
    const stalled = Array.from({ length: 150 }, () => connectTcp(port(), '127.0.0.1').on('error', () => {}))
    let closed = 0
    for (const socket of stalled) socket.on('close', () => closed++)
    await until(() => closed >= 50)
    const press = await plants.machine(gateway.address(), { ca })
    await press.publishAsync('m/value', 'x', { qos: 1 })
    expect(gateway.counts.turnedAway).toBeGreaterThanOrEqual(turnedAway + 50)
    for (const socket of stalled) socket.destroy()
  })

  it('gives metrics by GET /metrics alone', async () => {
    const { origin } = new URL(gateway.metricsUrl!)
    for (const [path, method] of [
      ['/', 'GET'],
      ['/metrics', 'POST'],
      ['/metrics/x', 'GET'],
    ] as const)
      expect((await fetch(`${origin}${path}`, { method })).status).toBe(404)
  })
})
