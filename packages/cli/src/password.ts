import { readFile } from 'node:fs/promises'
import { CommandError, exitCodes } from './exit-codes.ts'
import { note } from './output.ts'
import { askLine } from './terminal.ts'

/** A password from a file (its first line), or typed unseen. Never from an argument: others can read those. */
export async function readPassword(
  file: string | undefined,
  question = 'Password: ',
  flag = '--password-file',
): Promise<string> {
  if (file !== undefined) {
    const text = await readFile(file === '-' ? '/dev/stdin' : file, 'utf8').catch((error: NodeJS.ErrnoException) => {
      throw new CommandError('password-file', `${flag} ${file} cannot be read (${error.code}).`, exitCodes.usage)
    })
    return text.split(/\r?\n/, 1)[0]!
  }
  if (!process.stdin.isTTY) {
    throw new CommandError(
      'password-needed',
      `Give the password with ${flag} FILE, or run this in a terminal to type it.`,
      exitCodes.usage,
    )
  }
  return askLine(question, { unseen: true })
}

/** A password that is new: typed twice, where it is typed. */
export async function readNewPassword(file: string | undefined, flag?: string): Promise<string> {
  if (file !== undefined) return readPassword(file, undefined, flag)
  for (;;) {
    const password = await readPassword(undefined, 'New password (12 characters or more): ', flag)
    if ((await readPassword(undefined, 'The same once more: ', flag)) === password) return password
    note('The two differ. Type it again.')
  }
}
