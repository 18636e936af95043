import { Kysely, PostgresDialect, SqliteDialect } from 'kysely'
import { Migrator } from 'kysely/migration'
import pg from 'pg'
import { StartError } from '../authority-error.ts'
import { type Engine, migrations } from './migrations.ts'
import type { Database, Schema } from './schema.ts'
import { openSqlite } from './sqlite-database.ts'

const isPostgres = (location: string) => /^postgres(ql)?:\/\//.test(location)

/**
 * Refuses every other store that is named: as a path it would be a SQLite file anywhere, and an empty one a store that is
 * gone when the process ends.
 * @throws StartError `bad-setting`
 */
export function requirePostgres(location: string): void {
  if (isPostgres(location)) return
  throw new StartError(
    'bad-setting',
    '--store takes postgres://USER@HOST/DATABASE; leave it out for SQLite in the data folder.',
  )
}

/**
 * Opens the store and brings its tables up to date.
 * @param location `postgres://…`, or the path of the SQLite file
 * @throws StartError `store-damaged`, `store-unreachable`, `disk-full`
 */
export async function openStore(location: string): Promise<Database> {
  const engine: Engine = isPostgres(location) ? 'postgres' : 'sqlite'
  const database = new Kysely<Schema>({ dialect: engine === 'postgres' ? postgres(location) : sqlite(location) })
  const { error } = await new Migrator({ db: database, provider: migrations(engine) }).migrateToLatest()
  if (error) {
    await database.destroy().catch(() => {})
    throw startError(engine, location, error)
  }
  return database
}

function sqlite(path: string): SqliteDialect {
  try {
    return new SqliteDialect({ database: openSqlite(path) })
  } catch (error) {
    throw startError('sqlite', path, error)
  }
}

function postgres(location: string): PostgresDialect {
  // bigint comes as text by default; all of ours are below 2^53.
  const types = new pg.TypeOverrides()
  types.setTypeParser(20, Number)
  const pool = new pg.Pool({ connectionString: location, types, connectionTimeoutMillis: 5000 })
  // Connections that break while they wait are replaced; unheard, such an error would end the process. Queries in
  // progress fail by themselves.
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
  return new PostgresDialect({ pool })
}

function startError(engine: Engine, location: string, error: unknown): StartError {
  const reason = error instanceof Error ? error.message : String(error)
  if (engine === 'postgres') {
    return new StartError(
      'store-unreachable',
      `PostgreSQL of --store does not answer or refuses us (${withoutUrl(reason)}). Check the address, the user and that the database exists.`,
    )
  }
  if (/disk is full|ENOSPC|database or disk/i.test(reason)) {
    return new StartError(
      'disk-full',
      `The disk with ${location} is full. Make room and start again; nothing was lost.`,
    )
  }
  return new StartError(
    'store-damaged',
    `The store ${location} is damaged or no SealMQ store (${reason}). Restore a backup with sealmq restore, into another --data folder.`,
  )
}

// A driver's message may hold the connection string, and with it a password.
const withoutUrl = (text: string) => text.replaceAll(/postgres(ql)?:\/\/\S+/g, 'postgres://…')
