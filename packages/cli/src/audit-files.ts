import { createReadStream } from 'node:fs'
import { access, open, readFile, rename, rm } from 'node:fs/promises'
import { parseVerifierKey, splitNotes } from '@sealmq/audit-log'
import { CommandError, exitCodes } from './exit-codes.ts'

/** @throws CommandError `file` */
export async function readTextFile(path: string): Promise<string> {
  return readFile(path === '-' ? '/dev/stdin' : path, 'utf8').catch((error) => {
    throw unreadable(path, error)
  })
}

/** The bytes of a file as they are read; `-` is standard input. @throws CommandError `file` */
export async function* chunksOfFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path === '-' ? '/dev/stdin' : path, { highWaterMark: 256 * 1024 })
  } catch (error) {
    throw unreadable(path, error as NodeJS.ErrnoException)
  }
}

/** The key of a log, given as it is or as a file that holds it. @throws CommandError `file`, `bad-key` */
export async function readLogKey(text: string): Promise<string> {
  const given = await parseVerifierKey(text).catch(() => null)
  if (given) return text.trim()
  if (/\+[0-9a-f]{8}\+/.test(text)) throw badKey('--key')
  const content = (await readTextFile(text)).trim()
  await parseVerifierKey(content).catch(() => {
    throw badKey(text)
  })
  return content
}

const badKey = (where: string) =>
  new CommandError(
    'bad-key',
    `${where} is not the key of a log, or was not copied whole. It looks like sealmq/…+…+…; sealmq audit checkpoint names it.`,
    exitCodes.usage,
  )

const signatureMark = '— '
/** What stands behind a checkpoint that was half written when the power went. */
const tornMark = `${signatureMark}torn`
/** The last line of a checkpoint of ours: the id of the key and an Ed25519 signature are 68 bytes. */
const wholeSignature = /^— \S+ [A-Za-z0-9+/]{91}=$/
/** The first line of a checkpoint, or as much of it as was written. */
const beginning = /^(?:s|se|sea|seal|sealm|sealmq|sealmq\/\S*)$/

/**
 * The checkpoints of a file, one after the other, without torn ones; nothing of them is verified.
 * @throws CommandError `file`, `no-checkpoint`
 */
export async function readCheckpoints(path: string): Promise<string[]> {
  const notes = splitCheckpoints(await readTextFile(path))
  if (notes.some(isSigned)) return notes
  throw noCheckpoint(path)
}

/**
 * Those of a file that is to be added to, and may be new.
 * @throws CommandError `file`; `no-checkpoint` when something else stands there
 */
export async function keptCheckpoints(path: string): Promise<string[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return ''
    throw unreadable(path, error)
  })
  const notes = splitCheckpoints(text)
  if (notes.every(isSigned)) return notes
  throw noCheckpoint(path)
}

function splitCheckpoints(text: string): string[] {
  const notes = splitNotes(text)
  const last = notes.at(-1)
  // Nothing has been written behind it since the power went.
  if (last !== undefined && isTorn(last, text)) notes.pop()
  return notes.filter((note) => !note.endsWith(`\n${tornMark}\n`))
}

/** Whether the last checkpoint of a text was half written. */
function isTorn(note: string, text: string): boolean {
  const lines = note.trimEnd().split('\n')
  if (!isSigned(note)) return beginning.test(lines[0]!)
  return !text.endsWith('\n') && !wholeSignature.test(lines.at(-1)!)
}

const isSigned = (note: string) => note.includes(`\n\n${signatureMark}`)
const noCheckpoint = (path: string) =>
  new CommandError(
    'no-checkpoint',
    `${path} holds no checkpoint, or something else beside them. One is written by sealmq audit checkpoint --out FILE.`,
    exitCodes.usage,
  )

/** Adds a checkpoint behind those of a file, so that it is on the disk. Nothing that stands there is changed. */
export async function appendCheckpoint(path: string, note: string): Promise<void> {
  const file = await open(path, 'a+', 0o644)
  try {
    const before = await file.readFile('utf8')
    await file.appendFile(`${endOf(before)}${note}`)
    await file.sync()
  } finally {
    await file.close()
  }
}

// A checkpoint that was half written must not spoil the next one.
function endOf(text: string): string {
  if (text === '') return ''
  const last = text.split(/\r?\n/).findLast((line) => line !== '') ?? ''
  if (!last.startsWith(signatureMark)) return `\n\n${tornMark}\n\n`
  if (text.endsWith('\n')) return '\n'
  return wholeSignature.test(last) ? '\n\n' : `\n${tornMark}\n\n`
}

/** @throws CommandError `file-exists` */
export async function requireFree(path: string, force: boolean | undefined): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  )
  if (exists && !force)
    throw new CommandError(
      'file-exists',
      `${path} exists. Choose another name, or replace it with --force.`,
      exitCodes.usage,
    )
}

/**
 * Writes a file as a whole, mode 0600: until everything is on the disk it is called PATH.partial, and after a failure
 * nothing is left.
 */
export async function writeWhole<T>(
  path: string,
  work: (write: (bytes: Uint8Array) => Promise<void>) => Promise<T>,
): Promise<T> {
  const partial = `${path}.partial`
  const file = await open(partial, 'w', 0o600)
  try {
    let result: T
    try {
      result = await work((bytes) => file.writeFile(bytes))
      await file.sync()
    } finally {
      await file.close()
    }
    await rename(partial, path)
    return result
  } catch (error) {
    await rm(partial, { force: true })
    throw error
  }
}

function unreadable(path: string, { code }: NodeJS.ErrnoException): CommandError {
  return new CommandError('file', `${path} cannot be read (${code}).`, exitCodes.usage)
}
