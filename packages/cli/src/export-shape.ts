import { type ExportHead, type ExportLine, parseLine } from '@sealmq/audit-log'
import { CommandError, exitCodes } from './exit-codes.ts'

/** The lines of an export, of which the first have been looked at. */
export interface OpenedExport {
  /** Null when the first line is none, but others are lines of an export. */
  head: ExportHead | null
  /** All of them. */
  lines: AsyncGenerator<string>
}

/**
 * Looks at the first lines.
 * @param name of the file
 * @throws CommandError `no-export` when none of them is of an export
 */
export async function openExport(name: string, lines: AsyncGenerator<string>): Promise<OpenedExport> {
  const first: string[] = []
  for (let count = 0; count < 2; count++) {
    const { value, done } = await lines.next()
    if (!done) first.push(value)
  }
  const parsed = first.map(readLine)
  if (parsed.every((line) => line === null))
    throw new CommandError(
      'no-export',
      `${name} is ${first.length === 0 ? 'empty' : 'no export of an audit log'}. One is written by sealmq audit export --out FILE.`,
      exitCodes.usage,
    )
  const head = parsed[0]?.kind === 'head' ? parsed[0] : null
  return { head, lines: all(first, lines) }
}

async function* all(first: readonly string[], others: AsyncGenerator<string>): AsyncGenerator<string> {
  yield* first
  yield* others
}

function readLine(line: string): ExportLine | null {
  try {
    return parseLine(line)
  } catch {
    return null
  }
}
