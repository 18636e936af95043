import { randomUUID } from 'node:crypto'
import { open, readFile, rename, rm, stat } from 'node:fs/promises'
import { hostname } from 'node:os'
import { setTimeout } from 'node:timers/promises'
import { ClientError } from '../client-error.ts'

/** A lock older than this is left behind, ms: nobody holds one longer than it takes to write a small file. */
const staleAfter = 10_000

interface Holder {
  pid: number
  host: string
  /** Wall clock, ms. */
  at: number
  token: string
}

/**
 * Does something while no other process does, by a file beside the one that it is about.
 * @param patience how long to wait for others, ms
 * @param work is given a check to make right before what cannot be undone: whether the lock is still held
 * @throws ClientError `storage-busy`
 */
export async function withFileLock<T>(
  path: string,
  patience: number,
  work: (isHeld: () => Promise<boolean>) => Promise<T>,
): Promise<T> {
  const lock = `${path}.lock`
  const token = randomUUID()
  const patient = AbortSignal.timeout(patience)
  while (!(await take(lock, token))) {
    await removeStale(lock)
    if (patient.aborted) throw new ClientError('storage-busy', `${lock} is held by another process.`)
    await setTimeout(5 + Math.random() * 20)
  }
  const isHeld = async () => (await readHolder(lock))?.token === token
  try {
    return await work(isHeld)
  } finally {
    if (await isHeld()) await rm(lock, { force: true })
  }
}

async function take(lock: string, token: string): Promise<boolean> {
  const file = await open(lock, 'wx', 0o600).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EEXIST') return null
    throw error
  })
  if (!file) return false
  const holder: Holder = { pid: process.pid, host: hostname(), at: Date.now(), token }
  try {
    await file.writeFile(JSON.stringify(holder))
  } finally {
    await file.close()
  }
  return true
}

// Moved away before it is removed: of two that find it stale only one has it, and neither removes what came after it.
async function removeStale(lock: string): Promise<void> {
  const found = await readHolder(lock)
  if (!(await isStale(lock, found))) return
  const aside = `${lock}.${randomUUID()}`
  await rename(lock, aside).catch(ignoreMissing)
  const moved = await readHolder(aside)
  if (moved && moved.token !== found?.token) await rename(aside, lock).catch(ignoreMissing)
  else await rm(aside, { force: true })
}

async function isStale(lock: string, holder: Holder | null): Promise<boolean> {
  // One that cannot be read is being written, or was left behind in the middle of it.
  const at = holder?.at ?? (await stat(lock).catch(ignoreMissing))?.mtimeMs
  if (at === undefined) return false
  if (Math.abs(Date.now() - at) > staleAfter) return true
  return holder !== null && holder.host === hostname() && !isRunning(holder.pid)
}

// Signal 0 only asks.
function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

async function readHolder(lock: string): Promise<Holder | null> {
  try {
    return JSON.parse(await readFile(lock, 'utf8')) as Holder
  } catch {
    return null
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error
}
