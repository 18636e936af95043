import { styleText } from 'node:util'
import type { AuditRecordInfo } from '@sealmq/protocol/api'
import { localTime } from './moments.ts'
import { plainText } from './plain-text.ts'

const head = ['POSITION', 'LOCAL TIME', 'WHO', 'ACTION', 'ON', 'CHANNEL', 'RESULT', 'ADDRESS']
const resultColumn = head.indexOf('RESULT')

/** Records as lines of a table that goes on: columns grow, and what stands above keeps its place. */
export class AuditTable {
  readonly #wide: boolean
  readonly #widths: number[] = head.map(({ length }) => length)
  #hasHead = false

  /** @param wide a second line for each record, with all that it says */
  constructor(wide: boolean) {
    this.#wide = wide
  }

  /** The lines of some records; before the first of all, the head. */
  add(records: readonly AuditRecordInfo[]): string[] {
    const rows = records.map(cellsOf)
    for (const row of rows)
      for (const [column, cell] of row.entries()) this.#widths[column] = Math.max(this.#widths[column]!, cell.length)
    const lines = rows.flatMap((row, index) => {
      const line = this.#line(row, records[index]!.result === 'refused')
      return this.#wide ? [line, styleText('dim', `  ${detailOf(records[index]!)}`)] : [line]
    })
    if (this.#hasHead || records.length === 0) return lines
    this.#hasHead = true
    return [this.#line(head, false), ...lines]
  }

  #line(cells: readonly string[], isRefused: boolean): string {
    const last = cells.length - 1
    return cells
      .map((cell, column) => {
        const padded = column === last ? cell : cell.padEnd(this.#widths[column]!)
        return isRefused && column === resultColumn ? styleText('red', padded) : padded
      })
      .join('  ')
  }
}

function cellsOf(record: AuditRecordInfo): string[] {
  const { position, time, actor, action, on, channel, result, code, address } = record
  return [
    String(position),
    localTime(time),
    whoOf(actor),
    action,
    on ? `${on.kind} ${on.name ?? on.id ?? '-'}` : '-',
    channel ?? '-',
    code === null ? result : `${result} (${code})`,
    address ?? '-',
  ].map(plainText)
}

/** As records have it, also those of other versions. */
export interface ShownActor {
  kind: string
  member: string | null
  sender: number | null
  name: string | null
  claimed?: boolean
}

/** Who did it, as one short text. */
export function whoOf({ kind, name, sender, member, claimed }: ShownActor): string {
  if (kind === 'system') return 'the authority'
  const of = name ?? member ?? (kind === 'stranger' ? 'a stranger' : kind)
  const by = sender === null ? of : name === null && member === null ? `sender ${sender}` : `${of} (sender ${sender})`
  if (claimed) return `${by}, not proved`
  return kind === 'stranger' && name !== null ? `a stranger as ${by}` : by
}

function detailOf({ actor: { roles }, request, detail }: AuditRecordInfo): string {
  const parts = Object.entries({ ...(roles.length > 0 ? { roles } : {}), ...detail, ...(request ? { request } : {}) })
  return plainText(parts.map(([name, value]) => `${name}=${shownValue(value)}`).join('  ')) || '-'
}

function shownValue(value: unknown): string {
  return typeof value === 'string' && /^[^\s"]+$/.test(value) ? value : JSON.stringify(value)
}
