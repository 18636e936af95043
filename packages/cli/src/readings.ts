import { readFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { freemem, loadavg, totalmem } from 'node:os'
import { CommandError, exitCodes } from './exit-codes.ts'

/** Rows of a CSV file (`;` or `,` between, names in the first line) as JSON objects, numbers as numbers. */
export async function csvReadings(path: string): Promise<Record<string, string | number>[]> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError('file', `--csv ${path} cannot be read (${error.code}).`, exitCodes.usage)
  })
  const [head = '', ...rows] = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const separator = head.includes(';') ? ';' : ','
  const names = head.split(separator)
  if (rows.length === 0)
    throw new CommandError('file', `--csv ${path} has no rows below its first line.`, exitCodes.usage)
  return rows.map((row) => {
    const cells = row.split(separator)
    return Object.fromEntries(names.map((name, column) => [name.trim(), cellValue(cells[column] ?? '')]))
  })
}

const cellValue = (cell: string) => (cell.trim() !== '' && Number.isFinite(Number(cell)) ? Number(cell) : cell)

/** Load, free memory and, where the system tells it, temperature of this machine. */
export function machineReading(now: Date): Record<string, string | number> {
  const [load] = loadavg()
  const temperature = machineTemperature()
  return {
    datetime: now.toISOString(),
    load: Number(load!.toFixed(2)),
    freeMemoryMiB: Math.round(freemem() / 2 ** 20),
    totalMemoryMiB: Math.round(totalmem() / 2 ** 20),
    ...(temperature === null ? {} : { temperature }),
  }
}

// °C; machines without such a sensor have no such file.
function machineTemperature(): number | null {
  try {
    return Number(readFileSync('/sys/class/thermal/thermal_zone0/temp', 'utf8')) / 1000
  } catch {
    return null
  }
}
