const strict = new TextDecoder('utf-8', { fatal: true })
const lenient = new TextDecoder()

/** Bytes as text; what is no UTF-8 is marked �. */
export function asText(bytes: Uint8Array): { text: string; readable: boolean } {
  try {
    return { text: strict.decode(bytes), readable: true }
  } catch {
    return { text: lenient.decode(bytes), readable: false }
  }
}

/** An object or array of JSON; null when it is none. */
export function asJson(bytes: Uint8Array): { value: object } | null {
  try {
    const value: unknown = JSON.parse(strict.decode(bytes))
    return typeof value === 'object' && value !== null ? { value } : null
  } catch {
    return null
  }
}

/** Sixteen bytes a line: offset, hexadecimal, and what of it is ASCII. */
export function hexOf(bytes: Uint8Array): string {
  const lines: string[] = []
  for (let at = 0; at < bytes.length; at += 16) {
    const part = Array.from(bytes.subarray(at, at + 16))
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ')
    const ascii = part.map((byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : '.')).join('')
    lines.push(`${at.toString(16).padStart(6, '0')}  ${hex.padEnd(47)}  ${ascii}`)
  }
  return lines.join('\n')
}

export interface DifferenceLine {
  change: ' ' | '-' | '+'
  line: string
}

/** More lines than this are compared as a whole: the table of their pairs would grow with the square. */
const mostLines = 400

/** Line by line, by the longest common sequence; JSON is written a field a line before. */
export function differenceOf(before: Uint8Array, after: Uint8Array): DifferenceLine[] {
  const [a, b] = [linesOf(before), linesOf(after)]
  if (a.length > mostLines || b.length > mostLines) {
    return a.join('\n') === b.join('\n')
      ? b.map((line) => ({ change: ' ', line }))
      : [...a.map((line) => ({ change: '-', line }) as const), ...b.map((line) => ({ change: '+', line }) as const)]
  }
  const common = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1))
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i]![j] = a[i] === b[j] ? common[i + 1]![j + 1]! + 1 : Math.max(common[i + 1]![j]!, common[i]![j + 1]!)
    }
  }
  const lines: DifferenceLine[] = []
  let [i, j] = [0, 0]
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      lines.push({ change: ' ', line: a[i]! })
      i++
      j++
    } else if (j >= b.length || (i < a.length && common[i + 1]![j]! >= common[i]![j + 1]!)) {
      lines.push({ change: '-', line: a[i++]! })
    } else lines.push({ change: '+', line: b[j++]! })
  }
  return lines
}

function linesOf(bytes: Uint8Array): string[] {
  const json = asJson(bytes)
  if (json) return JSON.stringify(json.value, null, 2).split('\n')
  const { text, readable } = asText(bytes)
  return (readable ? text : hexOf(bytes)).split('\n')
}
