import { maximumLineLength } from './export-format.ts'

const newline = 0x0a
const carriageReturn = 0x0d
const unreadable = '\ufffd'

/**
 * Cuts the bytes of an export into lines, without their line ends. What is longer than a line may be, or is no UTF-8, comes
 * out as one character that no line begins with, so that memory stays small and the line is counted.
 */
export async function* linesOf(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<string> {
  let parts: Uint8Array[] = []
  let length = 0
  const add = (part: Uint8Array) => {
    length += part.length
    // Three bytes of UTF-8 make one code unit at most.
    if (length > 3 * maximumLineLength) parts = []
    else parts.push(part)
  }
  const take = (): string => {
    const line = length > 3 * maximumLineLength ? unreadable : decode(joined(parts, length))
    parts = []
    length = 0
    return line
  }
  for await (const chunk of chunks) {
    let start = 0
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      add(chunk.subarray(start, end))
      yield take()
      start = end + 1
    }
    // A copy, since whoever reads may use its buffer again.
    if (start < chunk.length) add(chunk.slice(start))
  }
  if (length > 0) yield take()
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes)
  } catch {
    return unreadable
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array {
  if (parts.length === 1) return parts[0]!
  const bytes = new Uint8Array(length)
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}
