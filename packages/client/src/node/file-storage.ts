import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm } from 'node:fs/promises'
import { fromBase64url, SealError, toBase64url } from '@sealmq/protocol'
import { laterNumbers, type RememberedState, type Storage } from '../storage.ts'

/**
 * Keeps what a client remembers in one file, mode 0600, replaced as a whole.
 * A damaged file is an error, not a fresh start: what was remembered is what keeps old messages out.
 * Several processes may write it: numbers never go back, and one that accepted nothing leaves what another accepted.
 * Two that accept messages at the same time need a file each: of those, the last to save wins.
 */
export function fileStorage(path: string): Storage {
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
    save: async ({ numbers, replay }) => {
      const kept = await load()
      const state = {
        numbers: kept ? laterNumbers(kept.numbers, numbers) : numbers,
        replay: replay ?? kept?.replay ?? null,
      }
      await replaceFile(
        path,
        JSON.stringify({ ...state, replay: state.replay === null ? null : toBase64url(state.replay) }),
      )
    },
  }
}

// Each writer has a new file of its own: what is renamed into place is always one whole state.
async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.${randomUUID()}.new`
  try {
    const file = await open(next, 'wx', 0o600)
    try {
      await file.writeFile(text)
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(next, path)
  } catch (error) {
    await rm(next, { force: true })
    throw error
  }
}
