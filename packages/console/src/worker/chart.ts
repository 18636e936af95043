import type { Kept } from './message-store.ts'
import { numericFields } from './numeric-fields.ts'
import type { ChartData, View } from './protocol.ts'

/** Messages that fields are looked for in. */
const looked = 20
// A payload is read once, however often its chart is drawn.
const read = new WeakMap<Kept, Map<string, number>>()

/** The values of the wanted fields, oldest first; what has none of them is left out. */
export function chartOf({ topic, fields }: NonNullable<View['chart']>, messages: readonly Kept[]): ChartData {
  const opened = messages.filter(({ payload, row }) => payload !== null && row.sealedAt !== null)
  const found = new Set(opened.slice(-looked).flatMap((kept) => [...fieldsOf(kept).keys()]))
  const fitting = opened.filter((kept) => fields.some((field) => fieldsOf(kept).has(field)))
  const sorted = fitting.toSorted((a, b) => a.row.sealedAt! - b.row.sealedAt!)
  return {
    topic,
    found: [...found],
    times: Float64Array.from(sorted, ({ row }) => row.sealedAt! / 1000),
    values: fields.map((field) => Float64Array.from(sorted, (kept) => fieldsOf(kept).get(field) ?? Number.NaN)),
  }
}

function fieldsOf(kept: Kept): Map<string, number> {
  let fields = read.get(kept)
  if (!fields) {
    fields = numericFields(kept.payload!)
    read.set(kept, fields)
  }
  return fields
}
