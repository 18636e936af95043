import { writeSync } from 'node:fs'

/** Writes a line to standard output at once. */
export function print(line: string): void {
  write(1, `${line}\n`)
}

/** Writes bytes to standard output at once. */
export function printBytes(bytes: Uint8Array): void {
  write(1, bytes)
}

/** Writes a line for the person, beside the output. */
export function note(line: string): void {
  write(2, `${line}\n`)
}

// Synchronous, so that nothing is lost when the process ends; a reader that went away ends it quietly, as other tools do.
function write(descriptor: 1 | 2, content: string | Uint8Array): void {
  let rest: Uint8Array = typeof content === 'string' ? Buffer.from(content) : content
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(descriptor, rest))
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException
      if (code === 'EPIPE') process.exit(0)
      if (code !== 'EAGAIN') throw error
    }
  }
}

/** Rows as columns of equal width. */
export function printTable(head: readonly string[], rows: readonly (readonly (string | number)[])[]): void {
  const lines = [head, ...rows].map((row) => row.map(String))
  const widths = head.map((_, column) => Math.max(...lines.map((line) => line[column]!.length)))
  for (const line of lines)
    print(
      line
        .map((cell, column) => cell.padEnd(widths[column]!))
        .join('  ')
        .trimEnd(),
    )
}

/** What a command has done: as JSON on standard output, or as a sentence for the person. */
export function report(json: boolean | undefined, value: unknown, sentence: string): void {
  if (json) print(JSON.stringify(value))
  else note(sentence)
}

/** A time as tables show it: UTC, to the minute. */
export const minuteOf = (ms: number): string => new Date(ms).toISOString().slice(0, 16)
