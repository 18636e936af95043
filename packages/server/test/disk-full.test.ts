import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type Failure, routes } from '@sealmq/protocol/api'
import type { FastifyError } from 'fastify'
import { sql } from 'kysely'
import { describe, expect, it, vi } from 'vitest'
import { asFailure } from '../src/http/failure.ts'
import { openStore } from '../src/store/open-store.ts'
import { recordsOf, verifyLog } from './audit-records.ts'
import { at, password, TestAuthority } from './test-authority.ts'
import { minute, TestClock } from './test-clock.ts'

describe('a full disk under SQLite', () => {
  it('is told as such from within a transaction, which changes nothing; then it goes on', async () => {
    const store = await openStore(join(mkdtempSync(join(tmpdir(), 'sealmq-full-')), 'sealmq.db'))
    // No more pages than there are: what a full disk is to SQLite.
    await sql`PRAGMA max_page_count = 1`.execute(store)
    const write = (key: string, length: number) =>
      store.transaction().execute(async (transaction) => {
        const row = { count: 0, level: 0, locked_until: 0, updated_at: 0 }
        await transaction
          .insertInto('tries')
          .values({ key: `${key} first`, ...row })
          .execute()
        await transaction
          .insertInto('tries')
          .values({ key: key.padEnd(length, '.'), ...row })
          .execute()
      })
    const thrown = await write('large', 1_000_000).catch((error: unknown) => error)
    expect(asFailure(thrown as FastifyError)).toMatchObject({ code: 'disk-full', status: 507 })
    expect(await store.selectFrom('tries').selectAll().execute()).toEqual([])
    await sql`PRAGMA max_page_count = 1000000`.execute(store)
    await write('large', 1_000_000)
    expect(await store.selectFrom('tries').selectAll().execute()).toHaveLength(2)
    await store.destroy()
  })

  it('leaves every privileged action undone, because it cannot be recorded, and given keys readable', async () => {
    const disk = await authorityOnADisk()
    const { authority } = disk
    const { token } = await authority.createMember('bea', 'sensor')
    const sender = await authority.addSender(token)
    const before = await authority.keyring(sender.token)
    disk.fill()
    const actions: [string, string, object?][] = [
      ['POST', routes.roles, { name: 'n', grants: [] }],
      ['POST', routes.members, { email: 'n@plant.example', name: 'n', password, roles: [] }],
      ['POST', routes.channels, { name: 'n', filters: ['new/#'] }],
      ['PATCH', at(routes.member, 'bea@plant.example'), { roles: ['admin'] }],
      ['POST', at(routes.rotate, 'sensor')],
      ['POST', at(routes.memberLock, 'bea@plant.example')],
      ['DELETE', at(routes.sender, sender.sender)],
      ['DELETE', at(routes.member, 'bea@plant.example')],
    ]
    for (const [method, path, body] of actions) {
      await disk.exhaust()
      const rows = await everything(authority)
      const answer = await authority.askAdmin<Failure>(method, path, body)
      expect(answer, path).toMatchObject({ status: 507, body: { code: 'disk-full' } })
      expect(await everything(authority), path).toEqual(rows)
    }
    disk.clock.move(2 * minute)
    expect(await authority.askAdmin('GET', routes.auditRecords)).toMatchObject({ status: 200 })
    const login = await authority.ask<Failure>('POST', routes.login, { email: 'ada@plant.example', password })
    expect(login).toMatchObject({ status: 507, body: { code: 'disk-full' } })
    expect(login.body.message).toMatch(/full.*make room/i)
    expect((await authority.keyring(sender.token)).channels.map(({ keys }) => keys)).toEqual(
      before.channels.map(({ keys }) => keys),
    )
    const metrics = await (await fetch(`${authority.running.httpUrl}/metrics`)).text()
    expect(Number(/sealmq_audit_append_failures_total (\d+)/.exec(metrics)![1])).toBeGreaterThan(0)
    // A refusal that cannot be recorded is one all the same.
    expect(await authority.ask('DELETE', at(routes.role, 'admin'), undefined, token)).toMatchObject({ status: 403 })
    disk.makeRoom()
    await verifyLog(authority)
    expect((await authority.askAdmin('DELETE', at(routes.member, 'bea@plant.example'))).status).toBe(204)
    await verifyLog(authority)
    await authority.close()
  }, 180_000)

  it('refuses a start that cannot be recorded, and a stop is one without a record', async () => {
    const disk = await authorityOnADisk()
    const { authority } = disk
    await disk.exhaust()
    disk.refuseWrites()
    await authority.running.close()
    disk.fullFromTheStart()
    await expect(authority.startAgain()).rejects.toMatchObject({ code: 'disk-full' })
    disk.makeRoom()
    await authority.startAgain()
    const starts = await recordsOf(await authority.database(), 'authority.start')
    expect(starts.map(({ detail }) => detail.afterCrash)).toEqual([undefined, true])
    await authority.close()
  })
})

/** Every row of the store, but when sessions were used. */
async function everything(authority: TestAuthority): Promise<Record<string, unknown[]>> {
  const store = await authority.database()
  const tables = await store.introspection.getTables()
  const rows: Record<string, unknown[]> = {}
  for (const { name } of tables) rows[name] = (await sql`select * from ${sql.table(name)}`.execute(store)).rows
  return rows
}

/** An authority whose SQLite can be told that there are no pages left; only its own connection is. */
async function authorityOnADisk() {
  const prepare = vi.spyOn(DatabaseSync.prototype, 'prepare')
  const clock = new TestClock()
  const authority = await TestAuthority.withAdministrator({ now: clock.now })
  const connections = () =>
    [...new Set(prepare.mock.contexts as DatabaseSync[])].filter(
      (connection) => connection.isOpen && connection.location() === join(authority.options.dataDir, 'sealmq.db'),
    )
  const own = connections()[0]!
  let fillers = 0
  const setPages = (connection: DatabaseSync, count: number) => connection.exec(`PRAGMA max_page_count = ${count}`)
  return {
    authority,
    clock,
    fill: () => setPages(own, 1),
    /** Uses up what is left in pages that are there already. */
    exhaust: async () => {
      setPages(own, 1)
      // At last with records as small as those of any action.
      for (const length of [60, 1]) {
        const create = () => {
          fillers += 1
          return authority.askAdmin('POST', routes.roles, { name: `${fillers}${'.'.repeat(length)}`, grants: [] })
        }
        while ((await create()).status !== 507) {}
      }
    },
    /** However small they are. */
    refuseWrites: () => own.exec('PRAGMA query_only = 1'),
    fullFromTheStart: () => {
      const open = DatabaseSync.prototype.exec
      vi.spyOn(DatabaseSync.prototype, 'exec').mockImplementation(function (this: DatabaseSync, text: string) {
        open.call(this, text)
        if (text.startsWith('PRAGMA journal_mode')) open.call(this, 'PRAGMA max_page_count = 1')
      })
    },
    makeRoom: () => {
      vi.restoreAllMocks()
      if (own.isOpen) setPages(own, 1_000_000)
    },
  }
}
