import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type AuditPage, type Failure, routes } from '@sealmq/protocol/api'
import type { FastifyError } from 'fastify'
import { expect, it } from 'vitest'
import { asFailure } from '../src/http/failure.ts'
import { startAuthority } from '../src/index.ts'
import { at, TestAuthority } from './test-authority.ts'

/** More records than the pages that SQLite keeps in memory would need. */
const rotations = 60

it('a page of the log that is damaged while the authority runs is told as such, with what to do', async () => {
  const authority = await TestAuthority.withAdministrator()
  for (let index = 0; index < rotations; index++) await authority.askAdmin('POST', at(routes.rotate, 'sensor'))
  await authority.restart()
  const path = join(authority.options.dataDir, 'sealmq.db')
  const page = await damageRecords(path)
  expect(page).toBeGreaterThan(0)
  const answer = await authority.askAdmin<Failure>('GET', `${routes.auditRecords}?from=0&limit=1000`)
  expect(answer).toMatchObject({ status: 500, body: { code: 'store-damaged' } })
  expect(answer.body.message).toContain('sealmq restore')
  // What is not on that page is there.
  expect((await authority.askAdmin<AuditPage>('GET', `${routes.auditRecords}?limit=1`)).status).toBe(200)
  await authority.running.close()
  await expect(startAuthority(authority.options)).rejects.toMatchObject({ code: 'store-damaged' })
})

it.each([
  ['SQLITE_CORRUPT', { errcode: 11 }],
  ['SQLITE_CORRUPT_INDEX', { errcode: 779 }],
  ['data_corrupted', { code: 'XX001' }],
  ['index_corrupted', { code: 'XX002' }],
])('%s is a damaged store', (_, fields) => {
  const error = Object.assign(new Error('database disk image is malformed'), fields)
  expect(asFailure(error as unknown as FastifyError)).toMatchObject({ code: 'store-damaged', status: 500 })
})

/** Overwrites a leaf in the middle of the table of records, in the file. @returns its number */
async function damageRecords(path: string): Promise<number> {
  const database = new DatabaseSync(path)
  database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
  const { page_size } = database.prepare('PRAGMA page_size').get() as { page_size: number }
  const { rootpage } = database.prepare("select rootpage from sqlite_schema where name = 'audit_records'").get() as {
    rootpage: number
  }
  const file = await open(path, 'r+')
  const root = Buffer.alloc(page_size)
  await file.read(root, 0, page_size, (rootpage - 1) * page_size)
  // File format of SQLite, 1.6: an interior page of a table has type 5; each cell begins with the number of its child.
  expect(root[0]).toBe(5)
  const page = root.readUInt32BE(root.readUInt16BE(12 + 2 * 2))
  await file.write(Buffer.alloc(page_size, 0xa5), 0, page_size, (page - 1) * page_size)
  await file.close()
  // A change by another connection makes the authority forget what it has read.
  database.exec('update deployment set name = name where id = 1; update tries set level = level')
  database.close()
  return page
}
