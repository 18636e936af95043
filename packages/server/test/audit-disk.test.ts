import { routes } from '@sealmq/protocol/api'
import { expect, it, vi } from 'vitest'
import { DiskWatch } from '../src/audit/disk-space.ts'
import { createLogger } from '../src/logger.ts'
import { ManualTimers, recordsOf, verifyLog } from './audit-records.ts'
import { onEachEngine } from './engines.ts'
import { at, TestAuthority } from './test-authority.ts'
import { minute } from './test-clock.ts'

const gibibyte = 2 ** 30
const disk = (free: number, total = 100 * gibibyte) => ({ free, total })

it('warns of little room once, below one GiB or a twentieth, and again only after there was enough', async () => {
  const told: number[] = []
  let space = disk(0)
  const watch = new DiskWatch({
    read: async () => space,
    becameLow: async ({ free }) => void told.push(free),
    logger: createLogger('silent'),
  })
  const look = async (...free: number[]) => {
    for (const bytes of free) {
      space = disk(bytes, space.total)
      await watch.look()
    }
  }
  space.total = 10 * gibibyte
  await look(gibibyte, 1.2 * gibibyte)
  expect(told).toEqual([])
  await look(gibibyte - 1, gibibyte / 2, 1.2 * gibibyte, gibibyte - 1)
  expect(told).toEqual([gibibyte - 1])
  await look(1.25 * gibibyte, gibibyte - 1)
  expect(told).toHaveLength(2)
  expect(watch.free).toBe(gibibyte - 1)
  space.total = 1000 * gibibyte
  await look(60 * gibibyte, 50 * gibibyte)
  expect(told).toHaveLength(2)
  await look(50 * gibibyte - 1, 59 * gibibyte, 49 * gibibyte)
  expect(told).toHaveLength(3)
})

it('tells again what it could not tell, at the next look', async () => {
  const becameLow = vi.fn(async () => {})
  becameLow.mockRejectedValueOnce(new Error('full'))
  const watch = new DiskWatch({ read: async () => disk(0), becameLow, logger: createLogger('silent') })
  await expect(watch.look()).rejects.toThrow()
  await watch.look()
  await watch.look()
  expect(becameLow).toHaveBeenCalledTimes(2)
})

onEachEngine('a disk with little room', (engine) => {
  it('is recorded, mailed to the administrators and measured, while all goes on', async () => {
    const timers = new ManualTimers()
    let space = disk(50 * gibibyte)
    const authority = await TestAuthority.withAdministrator({
      store: await engine.newStore(),
      schedule: timers.schedule,
      diskSpace: async () => space,
    })
    await authority.createMember('bea', 'admin', 'viewer')
    await authority.createMember('cid', 'viewer')
    await authority.createMember('dan', 'admin')
    await authority.askAdmin('POST', at(routes.memberLock, 'dan@plant.example'))
    const store = await authority.database()
    space = disk(800 * 2 ** 20)
    for (let index = 0; index < 2; index++) {
      await vi.waitFor(() => expect(timers.delays.filter((delay) => delay === minute)).toHaveLength(2), 10_000)
      timers.elapse(minute)
    }
    await vi.waitFor(() => expect(timers.delays.filter((delay) => delay === minute)).toHaveLength(2), 10_000)
    expect(await recordsOf(store, 'authority.disk-low')).toMatchObject([
      { actor: { kind: 'system' }, detail: { freeBytes: 800 * 2 ** 20, totalBytes: 100 * gibibyte } },
    ])
    for (const email of ['ada@plant.example', 'bea@plant.example']) {
      expect((await authority.mail.take(email, /nearly full/)).text).toContain('800 MiB')
    }
    await authority.mailSettled()
    for (const [email, count] of Object.entries({ ada: 1, bea: 1, cid: 0, dan: 0 })) {
      expect(await authority.mail.find(`${email}@plant.example`, /nearly full/), email).toHaveLength(count)
    }
    const metrics = await (await fetch(`${authority.running.httpUrl}/metrics`)).text()
    expect(metrics).toContain(`sealmq_disk_free_bytes ${800 * 2 ** 20}`)
    expect((await authority.askAdmin('POST', at(routes.rotate, 'sensor'))).status).toBe(200)
    expect((await fetch(`${authority.running.httpUrl}/readyz`)).status).toBe(200)
    await verifyLog(authority)
    await authority.close()
  })
})
