import {
  type BrokerClients,
  type DeviceTicket,
  type RightsAnswer,
  type RoleInfo,
  routes,
  type SystemStatus,
} from '@sealmq/protocol/api'
import { expect, it } from 'vitest'
import { onEachEngine } from './engines.ts'
import { connectMqtt } from './mqtt-connection.ts'
import { SharedAuthority } from './shared-authority.ts'
import { at } from './test-authority.ts'

onEachEngine('the desk of administrators', (engine) => {
  const settings = [{ name: 'data', value: '/var/lib/sealmq', origin: 'flag' as const }]
  const shared = new SharedAuthority(engine, { shownSettings: settings })
  const ask = (member: string, action: string, topic: string) =>
    shared.authority.askAdmin<RightsAnswer>('GET', `${routes.rights}?${new URLSearchParams({ member, action, topic })}`)

  it('answers who may do what, with the rule, as the broker decides', async () => {
    const { authority } = shared
    const email = await shared.newMember('sensor')
    expect((await ask(email, 'publish', 'iot/sensor')).body).toMatchObject({
      allowed: true,
      channel: 'sensor',
      rule: null,
      roles: ['sensor'],
    })
    expect((await ask(email.toUpperCase(), 'publish', 'iot/#')).body).toMatchObject({ allowed: false, channel: null })
    expect((await ask(email, 'subscribe', 'no/such')).body).toMatchObject({
      allowed: false,
      rule: 'No channel of this member holds all topics of no/such.',
      roles: [],
    })
    expect((await ask('nobody', 'publish', 'iot/sensor')).status).toBe(404)
    await authority.askAdmin('POST', at(routes.memberLock, email))
    expect((await ask(email, 'publish', 'iot/sensor')).body).toMatchObject({
      allowed: false,
      rule: expect.stringContaining('is locked'),
    })
  })

  it('answers for devices within what is their own, and says that a monitor opens nothing', async () => {
    const { authority } = shared
    await authority.askAdmin('POST', routes.channels, { name: 'own', filters: ['own/#'] })
    const grants = [{ channel: 'own', right: 'publish', filters: ['own/{member}/#'] }]
    await authority.askAdmin<RoleInfo>('POST', routes.roles, { name: 'own', grants })
    await authority.askAdmin<DeviceTicket>('POST', routes.devices, { name: 'pump', roles: ['own'] })
    expect((await ask('pump', 'publish', 'own/pump/speed')).body).toMatchObject({ allowed: true, roles: ['own'] })
    expect((await ask('pump', 'publish', 'own/drill/speed')).body).toMatchObject({
      allowed: false,
      rule: expect.stringContaining('own/pump/# only'),
    })
    await authority.askAdmin('POST', routes.roles, { name: 'watch', monitor: true, grants: [] })
    const watcher = await shared.newMember('watch')
    expect((await ask(watcher, 'subscribe', 'own/#')).body).toMatchObject({ allowed: true, opens: false })
    const reader = { name: 'read', grants: [{ channel: 'own', right: 'subscribe' }] }
    await authority.askAdmin('POST', routes.roles, reader)
    expect((await ask(await shared.newMember('read'), 'subscribe', 'own/#')).body).toMatchObject({ opens: true })
  })

  it('shows who is connected, and ends their connections without taking rights', async () => {
    const { authority } = shared
    const member = await authority.createMember(shared.newName(), 'sensor')
    const sender = await authority.addSender(member.token, 'press 4')
    const list = async () => (await authority.askAdmin<BrokerClients>('GET', routes.brokerClients)).body
    const client = await connectMqtt(authority, sender, { clientId: 'one' })
    expect(await list()).toMatchObject({
      total: 1,
      kick: true,
      clients: [{ sender: sender.sender, name: 'press 4', member: member.email, kind: 'person', clientId: 'one' }],
    })
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    expect((await authority.askAdmin('DELETE', at(routes.brokerClient, String(sender.sender)))).status).toBe(204)
    await closed
    expect(await list()).toMatchObject({ total: 0, clients: [] })
    const again = await connectMqtt(authority, sender, { clientId: 'one' })
    expect(await list()).toMatchObject({ total: 1 })
    await again.endAsync()
    expect((await authority.askAdmin('DELETE', at(routes.brokerClient, '999999'))).status).toBe(404)
    expect((await authority.askAdmin('DELETE', at(routes.brokerClient, 'x'))).status).toBe(400)
  })

  it('tells how the authority does, and nothing secret', async () => {
    const { body } = await shared.authority.askAdmin<SystemStatus>('GET', routes.system)
    expect(body).toMatchObject({ settings, mail: { transport: 'outbox', lastFailure: null }, counts: { skipped: 0 } })
    expect(body.audit.records).toBeGreaterThan(0)
    expect(body.startedAt).toBeLessThanOrEqual(body.time)
  })
})
