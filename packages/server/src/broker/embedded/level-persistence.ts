import { createRequire } from 'node:module'
import type { ClassicLevel } from 'classic-level'
import type { AedesPersistence } from './session-store.ts'

const require = createRequire(import.meta.url)

/** Aedes' persistence on LevelDB. The package is CommonJS and has no types. */
export function levelPersistence(database: ClassicLevel<string, Buffer>): AedesPersistence {
  const create = require('aedes-persistence-level') as (database: ClassicLevel<string, Buffer>) => AedesPersistence
  return create(database)
}
