import { randomBytes } from 'node:crypto'
import type { LogKey } from '@sealmq/audit-log'
import { loadLogKey } from '../src/audit/log-key.ts'
import { MasterKey } from '../src/keys/master-key.ts'
import type { Database } from '../src/store/schema.ts'

/** Begins the audit log of a new store, as a first start does. */
export const newLog = (store: Database): Promise<LogKey> =>
  loadLogKey(store, new MasterKey(randomBytes(32)), randomBytes(16))
