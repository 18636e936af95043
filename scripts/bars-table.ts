import type { Reporter, TestModule } from 'vitest/node'
import type { BarRecord } from './bar.ts'

interface Line extends BarRecord {
  failed: number
}

/** Ends the run of the bars with a table: what was asked, what was really done, and whether it held. */
export default class BarsTable implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const lines = new Map<string, Line>()
    for (const module of modules) {
      for (const test of module.children.allTests()) {
        const { bar } = test.meta()
        if (!bar) continue
        const key = `${bar.row} ${bar.bar}`
        const line = lines.get(key) ?? { row: bar.row, bar: bar.bar, done: {}, failed: 0 }
        lines.set(key, line)
        for (const [what, number] of Object.entries(bar.done)) line.done[what] = (line.done[what] ?? 0) + number
        if (test.result().state !== 'passed') line.failed++
      }
    }
    const sorted = [...lines.values()].sort((a, b) => a.row - b.row)
    process.once('exit', () => process.stdout.write(`\n${table(sorted)}\n`))
  }
}

function table(lines: readonly Line[]): string {
  const rows = lines.map(({ row, bar, done, failed }) => [
    String(row),
    bar,
    Object.entries(done)
      .map(([what, number]) => `${number.toLocaleString('en')} ${what}`)
      .join(', '),
    failed === 0 ? 'met' : 'NOT MET',
  ])
  const all = [['row', 'bar', 'count done', 'result'], ...rows]
  const widths = [0, 1, 2, 3].map((column) => Math.max(...all.map((cells) => cells[column]!.length)))
  const print = (cells: readonly string[]) => cells.map((cell, column) => cell.padEnd(widths[column]!)).join(' | ')
  return [print(all[0]!), widths.map((width) => '-'.repeat(width)).join(' | '), ...rows.map(print)].join('\n')
}
