import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { FastifyError } from 'fastify'
import { sql } from 'kysely'
import { describe, expect, it } from 'vitest'
import { asFailure } from '../src/http/failure.ts'
import { openStore } from '../src/store/open-store.ts'

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
})
