/**
 * Lines of a stream as bytes, not text: what is no UTF-8 stays as it is. Without their ends; the last one needs none.
 * @param maximumLength bytes; a longer line is cut to one more than that, and the rest of it is not kept
 */
export async function* linesOf(
  chunks: AsyncIterable<Buffer>,
  maximumLength = Number.POSITIVE_INFINITY,
): AsyncIterable<Uint8Array> {
  let begun: Buffer[] = []
  let length = 0
  const keep = (part: Buffer) => {
    // One for the return at its end, and one that shows that it is too long.
    const kept = part.subarray(0, Math.max(0, maximumLength + 2 - length))
    if (kept.length > 0) begun.push(kept)
    length += kept.length
  }
  const take = () => {
    const line = withoutReturn(Buffer.concat(begun)).subarray(0, maximumLength + 1)
    begun = []
    length = 0
    return line
  }
  for await (const chunk of chunks) {
    let from = 0
    for (let end = chunk.indexOf('\n'); end >= 0; end = chunk.indexOf('\n', from)) {
      keep(chunk.subarray(from, end))
      yield take()
      from = end + 1
    }
    keep(chunk.subarray(from))
  }
  if (begun.length > 0) yield take()
}

const withoutReturn = (line: Buffer) => (line.at(-1) === 0x0d ? line.subarray(0, -1) : line)
