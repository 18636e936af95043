import { randomUUID } from 'node:crypto'
import { chmod, mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { homedir } from 'node:os'
import { join } from 'node:path'

/** `$SEALMQ_HOME`, or ~/.config/sealmq. */
export const homeFolder = (): string => process.env.SEALMQ_HOME ?? join(homedir(), '.config', 'sealmq')

/** Path of a file in the home folder. */
export const homePath = (name: string): string => join(homeFolder(), name)

/** The text of a file in the home folder, or null when there is none. */
export async function readHomeFile(name: string): Promise<string | null> {
  return readFile(homePath(name), 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
}

/** Makes the folder of mode 0700, or gives it that mode. */
export async function makeHomeFolder(): Promise<void> {
  await mkdir(homeFolder(), { recursive: true, mode: 0o700 })
  await chmod(homeFolder(), 0o700)
}

/** Writes JSON as a whole, mode 0600 in a folder of mode 0700. */
export async function writeHomeFile(name: string, content: unknown): Promise<void> {
  await makeHomeFolder()
  // Each writer has a new file of its own: what is renamed into place is always one whole state.
  const next = `${homePath(name)}.${randomUUID()}.new`
  try {
    const file = await open(next, 'wx', 0o600)
    try {
      await file.writeFile(`${JSON.stringify(content, null, 2)}\n`)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(next, homePath(name))
    await syncFolder()
  } catch (error) {
    await rm(next, { force: true })
    throw error
  }
}

// Else the file of before could be back after the power has failed.
async function syncFolder(): Promise<void> {
  const folder = await open(homeFolder(), 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

export async function removeHomeFile(name: string): Promise<void> {
  await rm(homePath(name), { force: true })
}
