import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { fromBase64url, SealError, toBase64url } from '@sealmq/protocol'
import { ClientError } from '../client-error.ts'
import { mergeRemembered, type RememberedState, type Storage } from '../storage.ts'
import { withFileLock } from './file-lock.ts'

/** How long to wait for other processes, ms; longer than a lock that was left behind counts. */
const longestWait = 15_000

/**
 * Keeps what a client remembers in one file, mode 0600, replaced as a whole.
 * A damaged file is an error, not a fresh start: what was remembered is what keeps old messages out.
 * Several processes may write it, one after the other: each adds what it accepted to what the others did.
 * @param options `patience`: how long a save waits for those of other processes, ms
 */
export function fileStorage(path: string, options: { patience?: number } = {}): Storage {
  const load = async (): Promise<RememberedState | null> => {
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return null
      throw error
    })
    if (text === null) return null
    try {
      const { numbers, replay } = JSON.parse(text) as { numbers: RememberedState['numbers']; replay: string | null }
      return { numbers, replay: replay === null ? null : fromBase64url(replay) }
    } catch {
      throw new SealError('malformed', `${path} is damaged; remove it to begin without memory of old messages.`)
    }
  }
  return {
    load,
    save: (state) =>
      withFileLock(path, options.patience ?? longestWait, async (isHeld) => {
        const { numbers, replay } = mergeRemembered(await load(), state)
        const text = JSON.stringify({ numbers, replay: replay === null ? null : toBase64url(replay) })
        await replaceFile(path, text, isHeld)
      }),
  }
}

// Each writer has a new file of its own: what is renamed into place is always one whole state.
async function replaceFile(path: string, text: string, isHeld: () => Promise<boolean>): Promise<void> {
  const next = `${path}.${randomUUID()}.new`
  try {
    const file = await open(next, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    if (!(await isHeld())) throw new ClientError('storage-busy', `${path} took too long to write.`)
    await rename(next, path)
  } catch (error) {
    await rm(next, { force: true })
    throw error
  }
}
