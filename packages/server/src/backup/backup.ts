import { chmod, copyFile, cp, lstat, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartError } from '../authority-error.ts'

/** What a backup says of itself in backup.json. */
export interface BackupDescription {
  format: 1
  /** ms. */
  madeAt: number
  deployment: string
  /** Whether it holds the master key and the TLS keys, and must be kept as the authority's own folder is. */
  masterKey: boolean
}

export const backupFile = {
  database: 'sealmq.db',
  masterKey: 'master.key',
  tls: 'tls',
  description: 'backup.json',
} as const

/**
 * Copies the store of a data folder as it is at one moment, also while the authority runs (VACUUM INTO reads one snapshot).
 * Retained and queued messages of the broker are not part of it.
 * @param to a folder that does not exist yet; it appears when it is complete
 * @throws StartError `data-unwritable`, `store-damaged`, `disk-full`, `master-key-missing`, `bad-setting`
 */
export async function backUp(
  dataDir: string,
  to: string,
  withMasterKey: boolean,
  now: () => number,
): Promise<BackupDescription> {
  const source = join(dataDir, backupFile.database)
  const partial = `${to}.partial`
  if (await exists(to)) throw new StartError('bad-setting', `${to} exists already. Name a folder that does not.`)
  try {
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial, { recursive: true, mode: 0o700 })
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new StartError('data-unwritable', `${to} cannot be made (${code}). Name another folder.`)
  }
  try {
    const deployment = copyDatabase(source, join(partial, backupFile.database))
    await chmod(join(partial, backupFile.database), 0o600)
    if (withMasterKey) await copySecrets(dataDir, partial)
    const description: BackupDescription = { format: 1, madeAt: now(), deployment, masterKey: withMasterKey }
    await writeDurably(join(partial, backupFile.description), `${JSON.stringify(description, null, 2)}\n`)
    await rename(partial, to)
    return description
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    throw error
  }
}

function copyDatabase(from: string, to: string): string {
  let database: DatabaseSync
  try {
    database = new DatabaseSync(from, { readOnly: true })
  } catch {
    throw new StartError(
      'bad-setting',
      `There is no store ${from}. Name the --data folder of an authority; a PostgreSQL store is backed up with pg_dump, and master.key with it.`,
    )
  }
  try {
    database.exec('PRAGMA busy_timeout = 5000')
    const row = database.prepare('SELECT name FROM deployment').get()
    database.prepare('VACUUM INTO ?').run(to)
    return String(row?.name)
  } catch (error) {
    const reason = (error as Error).message
    if (/full|ENOSPC/i.test(reason))
      throw new StartError('disk-full', `The disk with ${to} is full. Make room and try again.`)
    throw new StartError('store-damaged', `The store ${from} cannot be read (${reason}). Restore an earlier backup.`)
  } finally {
    database.close()
  }
}

async function copySecrets(dataDir: string, to: string): Promise<void> {
  await copyFile(join(dataDir, backupFile.masterKey), join(to, backupFile.masterKey)).catch(() => {
    throw new StartError(
      'master-key-missing',
      `There is no ${backupFile.masterKey} in ${dataDir}. If it is given as SEALMQ_MASTER_KEY, back it up where it is kept, and leave out --with-master-key.`,
    )
  })
  await chmod(join(to, backupFile.masterKey), 0o600)
  if (await exists(join(dataDir, backupFile.tls))) {
    await cp(join(dataDir, backupFile.tls), join(to, backupFile.tls), { recursive: true })
  }
}

/** Writes a file for the owner alone; on return it is on disk. */
export async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  await file.writeFile(text)
  await file.sync()
  await file.close()
}

/** Whether anything is there. */
export const exists = (path: string): Promise<boolean> =>
  lstat(path).then(
    () => true,
    () => false,
  )
