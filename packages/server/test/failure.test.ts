import { DatabaseSync } from 'node:sqlite'
import type { FastifyError } from 'fastify'
import { describe, expect, it } from 'vitest'
import { asFailure } from '../src/http/failure.ts'

describe('what an asker is told of something that was thrown', () => {
  it('names a full disk, as SQLite and PostgreSQL tell of it', () => {
    const database = new DatabaseSync(':memory:')
    database.exec('CREATE TABLE full (bytes); PRAGMA max_page_count = 3')
    let thrown: unknown
    try {
      for (;;) database.exec('INSERT INTO full VALUES (randomblob(2000))')
    } catch (error) {
      thrown = error
    }
    expect(asFailure(thrown as FastifyError)).toMatchObject({ code: 'disk-full', status: 507 })
    const postgres = Object.assign(new Error('could not extend file'), { code: '53100' })
    expect(asFailure(postgres as unknown as FastifyError)).toMatchObject({ code: 'disk-full' })
  })

  it('is nothing of the inside for anything else', () => {
    const failure = asFailure(new Error('no such table: secrets') as FastifyError)
    expect(failure).toMatchObject({ code: 'internal', status: 500 })
    expect(failure.message).not.toContain('secrets')
  })
})
