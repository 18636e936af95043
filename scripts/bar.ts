import { beforeEach, it } from 'vitest'

/** What one test did of a bar; the reporter adds up those of the same row and bar. */
export interface BarRecord {
  row: number
  bar: string
  /** How many of what, as they were really done. */
  done: Record<string, number>
}

declare module 'vitest' {
  interface TaskMeta {
    bar?: BarRecord
  }
}

/** Tells that something was done, for the table: `count('forgeries')`. */
export type Count = (what: string, number?: number) => void

/** Most minutes that a bar of many restarts may take; what is left out then is counted too, so that the table says so. */
export const longestMinutes: number = Number(process.env.BARS_MINUTES ?? 20)

/** For the short forms, which print no table. */
export const uncounted: Count = () => {}

/** A test that is the long form of a row of the security bars. */
export function bar(row: number, name: string, work: (count: Count) => Promise<void> | void): void {
  it(name, async ({ task }) => {
    const record: BarRecord = { row, bar: name, done: {} }
    task.meta.bar = record
    await work((what, number = 1) => {
      record.done[what] = (record.done[what] ?? 0) + number
    })
  })
}

/** Every test of the file that calls this belongs to a bar, and counts as one of `what`. */
export function everyTestIsOf(row: number, name: string, what: string): void {
  beforeEach(({ task }) => {
    task.meta.bar = { row, bar: name, done: { [what]: 1 } }
  })
}
