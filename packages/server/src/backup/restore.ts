import { chmod, copyFile, cp, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { StartError } from '../authority-error.ts'
import { type BackupDescription, backupFile, exists } from './backup.ts'

/**
 * Numbers that clients remember must not go back, and ids of senders given after the backup must not be given again:
 * both go on so far beyond the backup's.
 */
const numberStep = 2 ** 32
const senderStep = 100_000

/**
 * Makes a data folder from a backup. At its next start the authority gives every channel a new epoch and ends all sessions:
 * keys and rights may have changed after the backup was made.
 * @param to a folder that is empty or does not exist
 * @throws StartError `bad-setting`, `data-unwritable`, `store-damaged`
 */
export async function restoreBackup(from: string, to: string, now: () => number): Promise<BackupDescription> {
  const description = await readDescription(from)
  const present = await readdir(to).catch(() => [])
  if (present.length > 0) throw new StartError('bad-setting', `${to} is not empty. Restore into another --data folder.`)
  // The folder appears when it is complete: one with the backup's own numbers must never be started.
  const partial = `${to.replace(/\/+$/, '')}.partial`
  try {
    await rm(partial, { recursive: true, force: true })
    await mkdir(partial, { recursive: true, mode: 0o700 })
    await copyInto(partial, from, description)
    moveOn(join(partial, backupFile.database), now())
    await rename(partial, to)
  } catch (error) {
    await rm(partial, { recursive: true, force: true })
    if (error instanceof StartError) throw error
    const { code } = error as NodeJS.ErrnoException
    throw new StartError('data-unwritable', `${to} cannot be made (${code}). Name another --data folder.`)
  }
  return description
}

async function copyInto(folder: string, from: string, { masterKey }: BackupDescription): Promise<void> {
  if (masterKey) {
    await copyFile(join(from, backupFile.masterKey), join(folder, backupFile.masterKey))
    await chmod(join(folder, backupFile.masterKey), 0o600)
  }
  if (await exists(join(from, backupFile.tls))) {
    await cp(join(from, backupFile.tls), join(folder, backupFile.tls), { recursive: true })
  }
  const database = join(folder, backupFile.database)
  await copyFile(join(from, backupFile.database), database)
  await chmod(database, 0o600)
}

async function readDescription(from: string): Promise<BackupDescription> {
  try {
    const description = JSON.parse(await readFile(join(from, backupFile.description), 'utf8')) as BackupDescription
    if (description.format === 1) return description
  } catch {}
  throw new StartError('bad-setting', `${from} is no backup. Name a folder that sealmq backup has made.`)
}

function moveOn(path: string, now: number): void {
  try {
    const database = new DatabaseSync(path)
    const [check] = database.prepare('PRAGMA integrity_check(1)').all()
    if (check?.integrity_check !== 'ok') throw new Error('integrity_check found damage')
    database
      .prepare(
        'UPDATE deployment SET revision = revision + ?, directory_number = directory_number + ?, restored_at = ?, setup_code_hash = NULL',
      )
      .run(numberStep, numberStep, now)
    database.prepare('UPDATE channels SET number = number + ?').run(numberStep)
    const { last } = database.prepare('SELECT coalesce(max(sender), 0) AS last FROM senders').get() as { last: number }
    database.exec("DELETE FROM sqlite_sequence WHERE name = 'senders'")
    database.prepare("INSERT INTO sqlite_sequence (name, seq) VALUES ('senders', ?)").run(last + senderStep)
    database.close()
  } catch (error) {
    throw new StartError(
      'store-damaged',
      `The backup's store is damaged (${(error as Error).message}). Take an earlier one.`,
    )
  }
}
