import { open, readFile, rename } from 'node:fs/promises'
import { fromBase64url, SealError, toBase64url } from '@sealmq/protocol'
import type { RememberedState, Storage } from '../storage.ts'

/**
 * Keeps what a client remembers in one file, mode 0600, replaced as a whole.
 * A damaged file is an error, not a fresh start: what was remembered is what keeps old messages out.
 */
export function fileStorage(path: string): Storage {
  return {
    load: async () => {
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
    },
    save: async ({ numbers, replay }) => {
      const next = `${path}.new`
      const file = await open(next, 'w', 0o600)
      await file.writeFile(JSON.stringify({ numbers, replay: replay === null ? null : toBase64url(replay) }))
      await file.sync()
      await file.close()
      await rename(next, path)
    },
  }
}
