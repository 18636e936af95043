import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { CommandError, exitCodes } from './exit-codes.ts'

/** A password from a file (its first line), or typed unseen. Never from an argument: others can read those. */
export async function readPassword(file: string | undefined, question = 'Password: '): Promise<string> {
  if (file !== undefined) {
    const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new CommandError(
        'password-file',
        `--password-file ${file} cannot be read (${error.code}).`,
        exitCodes.usage,
      )
    })
    return text.split(/\r?\n/, 1)[0]!
  }
  if (!process.stdin.isTTY) {
    throw new CommandError(
      'password-needed',
      'Give the password with --password-file FILE, or run this in a terminal to type it.',
      exitCodes.usage,
    )
  }
  process.stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true })
  const password = await terminal.question('')
  terminal.close()
  process.stderr.write('\n')
  return password
}
