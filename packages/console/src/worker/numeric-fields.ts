const decoder = new TextDecoder()
/** Larger payloads are no readings. */
const longest = 64 * 1024
const mostFields = 64
const number = /^[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?$/

/**
 * The numbers of a payload by the path of their field: of JSON (`motor.current`, `axes[0]`), of CSV (by its header, or
 * `column 1`), or `value` of a number alone. Of several CSV lines the last counts.
 */
export function numericFields(payload: Uint8Array): Map<string, number> {
  const fields = new Map<string, number>()
  if (payload.length === 0 || payload.length > longest) return fields
  const text = decoder.decode(payload).trim()
  const value = asNumber(text)
  if (value !== null) return fields.set('value', value)
  if (text.startsWith('{') || text.startsWith('[')) {
    try {
      collect(JSON.parse(text), '', fields)
    } catch {
      // Not JSON after all: nothing to chart.
    }
    return fields
  }
  return ofCsv(text, fields)
}

function collect(value: unknown, path: string, fields: Map<string, number>): void {
  if (fields.size >= mostFields) return
  if (typeof value === 'number') {
    if (Number.isFinite(value)) fields.set(path || 'value', value)
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.slice(0, mostFields).entries()) collect(item, `${path}[${index}]`, fields)
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) collect(item, path === '' ? key : `${path}.${key}`, fields)
  }
}

function ofCsv(text: string, fields: Map<string, number>): Map<string, number> {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const separator = [';', '\t', ','].find((one) => lines[0]?.includes(one))
  if (!separator) return fields
  const cells = (line: string) => line.split(separator).map((cell) => cell.trim().replace(/^"(.*)"$/, '$1'))
  const first = cells(lines[0]!)
  const last = cells(lines.at(-1)!)
  if (last.length !== first.length) return fields
  const hasHeader = lines.length > 1 && first.every((cell) => asNumber(cell, separator) === null)
  for (const [index, cell] of last.slice(0, mostFields).entries()) {
    const value = asNumber(cell, separator)
    if (value !== null) fields.set(hasHeader && first[index] ? first[index] : `column ${index + 1}`, value)
  }
  return fields
}

// A comma is a decimal point only where it does not part columns.
function asNumber(text: string, separator = ','): number | null {
  if (!number.test(text) || (separator === ',' && text.includes(','))) return null
  const value = Number(text.replace(',', '.'))
  return Number.isFinite(value) ? value : null
}
