import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { AuthorityError } from '@sealmq/client'
import { CommandError, exitCodes } from './exit-codes.ts'
import { note } from './output.ts'

/** Whether there is a person to ask. */
export const isAttended = (): boolean => Boolean(process.stdin.isTTY && process.stderr.isTTY)

/** Asks on standard error and reads one line from the terminal. @throws CommandError `cancelled` */
export async function askLine(question: string, { unseen = false } = {}): Promise<string> {
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: unseen ? silent : process.stderr, terminal: true })
  if (unseen) process.stderr.write(question)
  const cancelled = Promise.withResolvers<never>()
  const cancel = () => {
    if (!unseen) process.stderr.write('\n')
    cancelled.reject(new CommandError('cancelled', 'Nothing was entered.', exitCodes.usage))
  }
  terminal.once('close', cancel).once('SIGINT', cancel)
  try {
    return await Promise.race([terminal.question(unseen ? '' : question), cancelled.promise])
  } finally {
    terminal.off('close', cancel).off('SIGINT', cancel).close()
    if (unseen) process.stderr.write('\n')
  }
}

/**
 * Tries a code that was given by its flag, or asked for in a terminal: there, after a wrong one, twice more.
 * @throws CommandError `code-needed`
 */
export async function withCode<T>(
  given: string | undefined,
  { flag, question }: { flag: string; question: string },
  attempt: (code: string) => Promise<T>,
): Promise<T> {
  if (given !== undefined) return attempt(given)
  if (!isAttended())
    throw new CommandError('code-needed', `Give the code with ${flag}, or run this in a terminal.`, exitCodes.usage)
  for (let left = 2; ; left--) {
    try {
      return await attempt((await askLine(question)).trim())
    } catch (error) {
      if (left === 0 || !(error instanceof AuthorityError && error.code === 'wrong-code')) throw error
      note(error.message)
    }
  }
}
