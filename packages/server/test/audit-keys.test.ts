import type { AuditRecord } from '@sealmq/audit-log'
import { type ChannelInfo, type Keyring, type RoleInfo, routes } from '@sealmq/protocol/api'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { recordGivenKeys } from '../src/keys/given-keys.ts'
import { AuditStage, system } from './audit-stage.ts'
import { inParallel, onEachEngine } from './engines.ts'
import { newLog } from './new-log.ts'
import { at } from './test-authority.ts'
import { minute } from './test-clock.ts'

type Given = Pick<AuditRecord, 'channel' | 'detail'>

onEachEngine('keys that a sender is given', (engine) => {
  const stage = new AuditStage()
  beforeAll(async () => {
    await stage.open(await engine.newStore())
    await stage.setUp()
  })
  beforeEach(() => stage.refresh())
  afterAll(() => stage.authority.close())

  const keyring = (token: string) => stage.ask<Keyring>('GET', routes.keyring, undefined, token)
  const rotate = async (channel: string) =>
    (await stage.done<ChannelInfo>('POST', at(routes.rotate, channel), undefined, stage.ada.token)).epoch
  /** What is recorded of keys while something is done. */
  const given = async (work: () => Promise<unknown>): Promise<Given[]> => {
    const before = await stage.size()
    await work()
    const records = (await stage.recordsFrom(before)).filter(({ action }) => action === 'keys.fetch')
    return records.map(({ channel, detail }) => ({ channel, detail }))
  }
  const newRole = async (...rights: string[]) => {
    const name = stage.newName()
    const grants = rights.map((right) => ({ channel: 'sensor', right }))
    return stage.done<RoleInfo>('POST', routes.roles, { name, grants }, stage.ada.token)
  }

  it('are recorded once for each epoch, and anew after a rotation', async () => {
    const { token } = await stage.addSender((await stage.player('viewer')).token)
    const first = await given(() => keyring(token))
    expect(first).toHaveLength(1)
    const { body } = await keyring(token)
    expect(first[0]!.detail).toEqual({ epochs: body.channels[0]!.keys.map(({ epoch }) => epoch), key: 'epoch' })
    expect(await given(() => keyring(token))).toEqual([])
    const epoch = await rotate('login')
    const other = await stage.addSender((await stage.player('viewer')).token)
    expect(await given(() => keyring(token))).toEqual([{ channel: 'login', detail: { epochs: [epoch], key: 'epoch' } }])
    expect(await given(() => keyring(token))).toEqual([])
    // Another sender is another reader, also of what is before the rotation.
    const epochs = [epoch, ...(first[0]!.detail.epochs as number[])]
    expect(await given(() => keyring(other.token))).toEqual([{ channel: 'login', detail: { epochs, key: 'epoch' } }])
  })

  it('are recorded again when the one that could only seal may open', async () => {
    const role = await newRole('publish')
    const { token } = await stage.addSender((await stage.player(role.name)).token)
    const sealing = await given(() => keyring(token))
    expect(sealing).toMatchObject([{ channel: 'sensor', detail: { key: 'sender' } }])
    const grants = ['publish', 'subscribe'].map((right) => ({ channel: 'sensor', right }))
    await stage.done('PATCH', at(routes.role, role.id), { grants }, stage.ada.token)
    const opening = { ...sealing[0]!.detail, key: 'epoch' }
    expect(await given(() => keyring(token))).toEqual([{ channel: 'sensor', detail: opening }])
    // And back: a rotation, of which it is given the sealing key alone.
    await stage.done('PATCH', at(routes.role, role.id), { grants: grants.slice(0, 1) }, stage.ada.token)
    const [back, ...more] = await given(() => keyring(token))
    expect(more).toEqual([])
    expect(back!.detail.key).toBe('sender')
    expect(back!.detail.epochs).toHaveLength(1)
    expect(await given(() => keyring(token))).toEqual([])
  })

  it('are recorded once of fifty requests at once', async () => {
    const role = await newRole('publish', 'subscribe')
    const { token, sender } = await stage.addSender((await stage.player(role.name, 'admin', 'viewer')).token)
    const records = await given(async () => {
      const answers = await Promise.all(Array.from({ length: 50 }, () => keyring(token)))
      expect(answers.filter(({ status }) => status !== 200)).toEqual([])
    })
    const each = records.flatMap(({ channel, detail }) =>
      (detail.epochs as number[]).map((epoch) => `${channel} ${epoch} ${detail.key}`),
    )
    expect(new Set(each).size).toBe(each.length)
    const store = await stage.authority.database()
    const rows = await store.selectFrom('given_epochs').selectAll().where('sender', '=', sender).execute()
    expect(each).toHaveLength(rows.length)
    expect(records.map(({ channel }) => channel).sort()).toEqual(['admin', 'control', 'login', 'sensor'])
  })

  it('are recorded once by several authorities, whatever order they have them in', async () => {
    const stores = await engine.openSeveral(4)
    await newLog(stores[0]!)
    const keys = Array.from({ length: 200 }, (_, index) => ({
      channel: `c${index % 20}`,
      name: `channel ${index % 20}`,
      epoch: Math.floor(index / 20),
      key: 'epoch' as const,
    }))
    await inParallel(40, stores, (store, index) => {
      const turned = [...keys.slice(index * 5), ...keys.slice(0, index * 5)]
      return recordGivenKeys({ store, by: system, now: stage.clock.now }, 7, index % 2 ? turned : turned.reverse())
    })
    const rows = await stores[0]!.selectFrom('audit_records').select('record').execute()
    const details = rows.map(({ record }) => JSON.parse(record) as AuditRecord)
    expect(details.flatMap(({ detail }) => detail.epochs as number[])).toHaveLength(keys.length)
  })

  it('are given to nobody who never had them while nothing can be recorded; who had them gets them', async () => {
    const had = await stage.addSender((await stage.player('viewer')).token)
    const never = await stage.addSender((await stage.player('viewer')).token)
    const before = (await keyring(had.token)).body
    const record = await stage.stopRecording()
    stage.clock.move(2 * minute)
    try {
      const refused = await keyring(never.token)
      expect(refused.status).toBe(500)
      expect(Object.keys(refused.body).sort()).toEqual(['code', 'message'])
      const again = await keyring(had.token)
      expect(again.status).toBe(200)
      expect(again.body.channels[0]!.keys).toEqual(before.channels[0]!.keys)
    } finally {
      await record()
    }
    expect(await keyring(never.token)).toMatchObject({ status: 200 })
  })

  it('leave no entry of a channel that is gone', async () => {
    const name = stage.newName()
    const channel = { name, filters: [name] }
    const { id } = await stage.done<ChannelInfo>('POST', routes.channels, channel, stage.ada.token)
    const grants = [{ channel: name, right: 'subscribe' }]
    const role = await stage.done<RoleInfo>('POST', routes.roles, { name, grants }, stage.ada.token)
    const { token } = await stage.addSender((await stage.player(role.name)).token)
    expect(await given(() => keyring(token))).toHaveLength(1)
    await stage.done('DELETE', at(routes.channel, id), undefined, stage.ada.token)
    const store = await stage.authority.database()
    const left = await store.selectFrom('given_epochs').selectAll().where('channel_id', '=', id).execute()
    expect(left).toEqual([])
  })
})
