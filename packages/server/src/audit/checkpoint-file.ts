import { open } from 'node:fs/promises'
import { StartError } from '../authority-error.ts'

/** Bytes of the end of the file that tell whether its last note is whole. */
const tailLength = 1024

/**
 * Writes a note behind the others, an empty line before it. It is on the disk when this resolves. Nothing that stands there
 * is changed; a note that a power cut left half written is ended, so that it spoils no other.
 */
export async function appendNote(path: string, note: string): Promise<void> {
  const file = await open(path, 'a+', 0o644)
  try {
    const { size } = await file.stat()
    // Whatever the mask of the process says: it is there to be read and copied by others.
    if (size === 0) await file.chmod(0o644)
    const tail = Buffer.alloc(Math.min(size, tailLength))
    await file.read(tail, 0, tail.length, size - tail.length)
    await file.appendFile(`${endOf(tail.toString())}${note}`)
    await file.sync()
  } finally {
    await file.close()
  }
}

// The last line of one of our notes: the id of the key and an Ed25519 signature are 68 bytes.
const wholeSignature = /^— \S+ [A-Za-z0-9+/]{91}=$/

// What has to follow what is there: a note ends with its signatures, and an empty line stands after it.
function endOf(text: string): string {
  if (text === '') return ''
  const last = text.split('\n').findLast((line) => line !== '') ?? ''
  if (!last.startsWith('— ')) return '\n\n— torn\n\n'
  if (text.endsWith('\n')) return '\n'
  // Without its newline it is whole only where it is as long as a signature: half of one is torn too.
  return wholeSignature.test(last) ? '\n\n' : '\n— torn\n\n'
}

/** Refuses a file that cannot be written. @throws StartError `bad-setting` */
export async function checkNoteFile(path: string): Promise<void> {
  try {
    const file = await open(path, 'a', 0o644)
    await file.close()
  } catch (error) {
    throw new StartError(
      'bad-setting',
      `--checkpoint-file ${path} cannot be written (${(error as NodeJS.ErrnoException).code}). Name a file in a folder that exists.`,
    )
  }
}
