import { routes } from '@sealmq/protocol/api'
import { expect, it } from 'vitest'
import { startAuthority } from '../src/index.ts'
import { openStore } from '../src/store/open-store.ts'
import { recordsOf, recordsWhile, verifyLog } from './audit-records.ts'
import { AuthorityProcess } from './authority-process.ts'
import { onEachEngine } from './engines.ts'
import { SharedAuthority } from './shared-authority.ts'
import { TestAuthority } from './test-authority.ts'

const back = 30_000

onEachEngine('the authority in its own log', (engine) => {
  const shared = new SharedAuthority(engine)

  it('records starts with its settings, stops, and what was set otherwise in between', async () => {
    const secret = 'hunter2-in-the-path'
    const store = await engine.newStore()
    const authority = await TestAuthority.withAdministrator({
      store,
      publicUrl: `https://sealmq.plant.example/${secret}`,
      checkpoints: { webhook: `http://127.0.0.1:1/${secret}` },
      identity: { lockTries: 7 },
    })
    const first = await recordsOf(await authority.database())
    expect(first[0]).toMatchObject({
      action: 'authority.start',
      actor: { kind: 'system' },
      detail: {
        version: expect.stringMatching(/^\d/),
        engine: engine.name,
        settings: { lockTries: 7, signUpOpen: true, tls: 'none', checkpointWebhook: 'http://127.0.0.1:1' },
      },
    })
    await authority.restart()
    Object.assign(authority.options, { checkpoints: {}, identity: { ...authority.options.identity, lockTries: 8 } })
    await authority.restart()
    const all = await recordsOf(await authority.database())
    const own = all.filter(({ action }) => /authority\.(start|stop|configure)/.test(action))
    expect(own.map(({ action }) => action.replace('authority.', ''))).toEqual([
      ...['start', 'stop', 'start', 'configure', 'stop', 'start', 'configure'],
    ])
    expect(own.some(({ detail }) => 'afterCrash' in detail)).toBe(false)
    expect(own.at(-1)!.detail).toEqual({
      lockTries: { before: 7, after: 8 },
      checkpointWebhook: { before: 'http://127.0.0.1:1', after: null },
    })
    const text = JSON.stringify(all)
    expect(text).not.toContain(secret)
    if (store) expect(text).not.toContain(new URL(store).password || 'no password')
    await verifyLog(authority)
    await authority.close()
  })

  it('covers the stop by a last checkpoint', async () => {
    const authority = await TestAuthority.withAdministrator({ store: await engine.newStore() })
    await authority.close()
    const store = await openStore(authority.options.store ?? `${authority.options.dataDir}/sealmq.db`)
    const latest = await store.selectFrom('audit_checkpoints').select('size').orderBy('size', 'desc').executeTakeFirst()
    const records = await recordsOf(store)
    expect(records.at(-1)!.action).toBe('authority.stop')
    expect(latest!.size).toBe(records.length)
    await store.destroy()
  })

  it('says that it was not stopped the time before', async () => {
    const authority = await TestAuthority.startBy(AuthorityProcess.start, { store: await engine.newStore() })
    await authority.running.kill()
    const again = await TestAuthority.start({ ...authority.options, ...authority.addresses })
    const starts = await recordsOf(await again.database(), 'authority.start')
    expect(starts.map(({ detail }) => detail.afterCrash)).toEqual([undefined, true])
    await again.restart()
    expect((await recordsOf(await again.database(), 'authority.start')).at(-1)!.detail.afterCrash).toBeUndefined()
    await again.close()
  })

  it('takes back a start that failed', async () => {
    const { running } = shared.authority
    const options = { ...shared.authority.options, dataDir: `${shared.authority.options.dataDir}-other` }
    const taken = { host: '127.0.0.1', port: Number(new URL(running.httpUrl).port) }
    const other = { ...options, store: await engine.newStore() }
    await expect(startAuthority({ ...other, http: taken })).rejects.toMatchObject({ code: 'port-in-use' })
    const again = await TestAuthority.start(other)
    const records = (await recordsOf(await again.database())).filter(({ action }) => /authority\.st/.test(action))
    expect(records.map(({ action, detail }) => [action, detail.startFailed ?? detail.afterCrash])).toEqual([
      ['authority.start', undefined],
      ['authority.stop', true],
      ['authority.start', undefined],
    ])
    await again.close()
  })

  it('records that the clock was set back, once, before what came next', async () => {
    const { authority, clock } = shared
    const send = () => authority.askAdmin('POST', routes.rotate.replace(':id', 'sensor'))
    await send()
    clock.move(-back)
    const records = await recordsWhile(authority, async () => {
      expect((await send()).status).toBe(200)
      expect((await send()).status).toBe(200)
    })
    expect(records.map(({ action }) => action)).toEqual([
      'authority.clock-back',
      ...['channel.rotate', 'epoch.start', 'channel.rotate', 'epoch.start'],
    ])
    expect(records[0]).toMatchObject({ actor: { kind: 'system' }, request: null, detail: { byMs: back } })
    clock.move(back)
    await verifyLog(authority)
  })
})
