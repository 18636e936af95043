import type { Kept } from './message-store.ts'

const strict = new TextDecoder('utf-8', { fatal: true })
const number = /^[+-]?\d+([.,]\d+)?(e[+-]?\d+)?$/i
const columns = ['time', 'topic', 'sender', 'verified', 'late', 'retained', 'epoch', 'code', 'encoding', 'payload']

/** As CSV (RFC 4180). A cell that a spreadsheet would take as a formula begins with an apostrophe. */
export function csvOf(messages: readonly Kept[]): string {
  const lines = messages.map((kept) => {
    const fields = fieldsOf(kept) as Record<string, unknown>
    return columns.map((column) => cell(fields[column])).join(',')
  })
  return `${[columns.join(','), ...lines].join('\r\n')}\r\n`
}

/** One JSON object a line. */
export function jsonLinesOf(messages: readonly Kept[]): string {
  return messages.map((kept) => `${JSON.stringify(fieldsOf(kept))}\n`).join('')
}

function fieldsOf({ row, payload }: Kept) {
  const { text, encoding } = payload ? textOf(payload) : { text: row.preview, encoding: null }
  return {
    time: new Date(row.sealedAt ?? row.receivedAt).toISOString(),
    topic: row.topic,
    sender: row.sender,
    verified: row.trust,
    late: row.late,
    retained: row.retained,
    epoch: row.epoch,
    code: row.code,
    encoding,
    payload: text,
  }
}

function textOf(payload: Uint8Array): { text: string; encoding: 'text' | 'base64' } {
  try {
    return { text: strict.decode(payload), encoding: 'text' }
  } catch {
    return { text: btoa(Array.from(payload, (byte) => String.fromCharCode(byte)).join('')), encoding: 'base64' }
  }
}

function cell(value: unknown): string {
  const text = value === null || value === undefined ? '' : String(value)
  const plain = /^[=+@\t\r-]/.test(text) && !number.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(plain) ? `"${plain.replaceAll('"', '""')}"` : plain
}
