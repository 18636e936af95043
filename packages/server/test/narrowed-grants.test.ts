import { type Me, type RoleInfo, routes } from '@sealmq/protocol/api'
import { beforeEach, expect, it } from 'vitest'
import { onEachEngine } from './engines.ts'
import { readKeyring } from './read-keyring.ts'
import { SharedAuthority } from './shared-authority.ts'
import { at, type TestAuthority } from './test-authority.ts'

onEachEngine('grants on a part of a channel', (engine) => {
  const shared = new SharedAuthority(engine)
  let authority: TestAuthority
  beforeEach(() => {
    authority = shared.authority
  })

  let count = 0
  const publish = (channel: string, ...filters: string[]) => ({
    channel,
    right: 'publish',
    ...(filters.length ? { filters } : {}),
  })
  /** A channel and a role of their own. */
  const stage = async (...grants: ((channel: string) => object[])[]) => {
    const name = `part-${++count}`
    await authority.askAdmin('POST', routes.channels, { name, filters: [`${name}/#`] })
    const role = (wanted: object[]) => authority.askAdmin<RoleInfo>('PATCH', at(routes.role, name), { grants: wanted })
    await authority.askAdmin('POST', routes.roles, { name, grants: [] })
    const answers = []
    for (const wanted of grants) answers.push(await role(wanted(name)))
    return { name, role, answers }
  }

  it('are taken together where a role has several on one channel', async () => {
    const { name, role, answers } = await stage((channel) => [
      publish(channel, `${channel}/{member}/#`),
      publish(channel, `${channel}/b`, `${channel}/a`),
      { channel, right: 'subscribe' },
    ])
    const filters = [`${name}/a`, `${name}/b`, `${name}/{member}/#`]
    expect(answers[0]!.body.grants).toEqual([
      { channel: name, right: 'publish', filters },
      { channel: name, right: 'subscribe' },
    ])
    const whole = await role([publish(name, `${name}/a`), publish(name)])
    expect(whole.body.grants).toEqual([{ channel: name, right: 'publish' }])
  })

  it.each([
    ['c/x{member}', 'bad-filter'],
    ['c/{member}/#/x', 'bad-filter'],
    ['$share/g/c/{member}', 'bad-filter'],
    ['elsewhere/{member}', 'bad-filter'],
    ['', 'bad-request'],
  ])('are refused with the filter "%s"', async (filter, code) => {
    const { name, role } = await stage()
    const answer = await role([publish(name, filter.replace(/^c\b/, name))])
    expect(answer).toMatchObject({ status: 400, body: { code } })
    expect((await authority.askAdmin<RoleInfo>('GET', at(routes.role, name))).body.grants).toEqual([])
  })

  it('are refused to subscribe: the key opens all of a channel', async () => {
    const { name, role } = await stage()
    expect(await role([{ channel: name, right: 'subscribe', filters: [`${name}/{member}`] }])).toMatchObject({
      status: 400,
      body: { code: 'bad-request', message: expect.stringContaining('whole channel') },
    })
  })

  it('give a person no key, a device the one to seal with, and whoever reads what is signed about both', async () => {
    const { name } = await stage((channel) => [publish(channel, `${channel}/{member}/#`)])
    const device = await authority.addDevice(`unit-${count}`, name)
    const person = await authority.createMember(`unit-${count}`, name)
    const keys = await readKeyring(authority, device.token)
    const own = keys.channels.get(name)!
    expect(own).toMatchObject({
      publishRoles: [],
      publishWithin: [{ role: own.publishWithin![0]!.role, filters: [`${name}/{member}/#`] }],
    })
    expect(own.keys.map(({ epochKey, senderKey }) => [epochKey, typeof senderKey])).toEqual([[undefined, 'string']])
    const { token } = await authority.addSender(person.token)
    const others = await readKeyring(authority, token)
    expect([...others.channels.keys()]).toEqual([])
    const entries = others.directory.senders.filter(({ memberName }) => memberName === `unit-${count}`)
    expect(entries.map(({ kind }) => kind)).toEqual(['device', undefined])
    const me = async (by: string) => (await authority.ask<Me>('GET', routes.me, undefined, by)).body.grants
    expect(await me(device.token)).toEqual([{ channel: name, right: 'publish', filters: [`${name}/unit-${count}/#`] }])
    expect(await me(person.token)).toEqual([])
  })

  it('start an epoch when they become another', async () => {
    const { name, role } = await stage((channel) => [publish(channel)])
    const device = await authority.addDevice(`unit-${count}`, name)
    const epochs = async () => (await readKeyring(authority, device.token)).channels.get(name)!.epochs
    expect(await epochs()).toHaveLength(1)
    await role([publish(name, `${name}/{member}`)])
    expect(await epochs()).toHaveLength(2)
    await role([publish(name, `${name}/{member}`)])
    expect(await epochs()).toHaveLength(2)
  })
})
