import type { RememberedTree } from '@sealmq/audit-log'
import { CommandError } from './exit-codes.ts'
import { homePath, readHomeFile, writeHomeFile } from './home-files.ts'

const file = 'audit-logs.json'

/** The largest tree of a log that was seen from here, and its key; null when nothing was. @throws CommandError `file-damaged` */
export async function knownLog(origin: string): Promise<RememberedTree | null> {
  return (await read()).find((log) => log.origin === origin) ?? null
}

/** Remembers a tree if it is larger than the one that is known. */
export async function rememberLog(log: RememberedTree): Promise<void> {
  const logs = await read()
  const known = logs.find(({ origin }) => origin === log.origin)
  if (known && known.size >= log.size) return
  await write(logs, log)
}

/** Remembers a tree in place of what is known of its log, however large that is. */
export async function replaceLog(log: RememberedTree): Promise<void> {
  await write(await read(), log)
}

async function write(logs: RememberedTree[], { origin, size, root, key }: RememberedTree): Promise<void> {
  await writeHomeFile(file, [...logs.filter((log) => log.origin !== origin), { origin, size, root, key }])
}

async function read(): Promise<RememberedTree[]> {
  const text = await readHomeFile(file)
  const logs = text === null ? [] : parse(text)
  if (Array.isArray(logs) && logs.every(isLog)) return logs
  throw new CommandError(
    'file-damaged',
    `${homePath(file)} is damaged: what was seen of audit logs cannot be compared. Mend it, or remove it to begin anew.`,
  )
}

function isLog(value: unknown): value is RememberedTree {
  const { origin, size, root, key } = (value ?? {}) as Partial<Record<keyof RememberedTree, unknown>>
  return [origin, root, key].every((part) => typeof part === 'string') && Number.isSafeInteger(size)
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
