import { expect } from 'vitest'
import type { Count } from '../../../scripts/bar.ts'
import { decodeRecord, type VerificationReport, verifyExport } from '../src/index.ts'
import { sha256 } from '../src/node/index.ts'
import { alterationsOf, withNewHash, withOldHash } from './alterations.ts'
import type { SampleLog } from './sample-log.ts'

/**
 * Alters every field of every record in turn, with the old hash and with a new one: each is found and named. One field of each
 * record is altered in the whole export, the others in the part of it between the checkpoints around.
 */
export async function alterEveryField(log: SampleLog, count: Count): Promise<void> {
  const whole = log.lines()
  for (let position = 0; position < log.texts.length; position++) {
    const { from, to } = log.runAround(position)
    const part = log.lines(from, to + 1)
    const alterations = alterationsOf(log.texts[position]!)
    for (const [index, { field, text }] of alterations.entries()) {
      const isWhole = index === position % alterations.length
      const [lines, at] = isWhole ? [whole, position + 1] : [part, position - from + 1]
      const old = await verifyWith(log, lines.with(at, withOldHash(lines[at]!, text)))
      // Its hash is still in the tree, so that all others are proved.
      expect(codesAndRuns(old), field).toEqual([['altered', position, position]])
      const anew = await verifyWith(log, lines.with(at, withNewHash(text)))
      expectNamed(anew, log, position, field, text)
      count('altered fields, each with its old hash and with a new one')
    }
  }
}

export function verifyWith(log: SampleLog, lines: string[]): Promise<VerificationReport> {
  return verifyExport(lines, { sha256, key: log.key })
}

export function codesAndRuns({ findings }: VerificationReport): [string, number | null, number | null][] {
  return findings.map(({ code, from, to }) => [code, from, to])
}

function expectNamed(report: VerificationReport, log: SampleLog, position: number, field: string, text: string): void {
  const run = log.runAround(position)
  if (field === 'position') {
    expect(codesAndRuns(report), field).toContainEqual(['misplaced', position, position])
    return
  }
  if (!isRecord(text)) expect(codesAndRuns(report), field).toContainEqual(['malformed', position, position])
  expect(codesAndRuns(report), field).toContainEqual(['forked', run.from, run.to])
  expect(report.remember).toBeNull()
}

function isRecord(text: string): boolean {
  try {
    decodeRecord(text)
    return true
  } catch {
    return false
  }
}

/** Removes, swaps with the next and replays every record in turn: each is named, and everything else is proved. */
export async function moveEveryRecord(log: SampleLog, count: Count): Promise<void> {
  const lines = log.lines()
  const last = log.texts.length - 1
  const named = async (altered: string[], positions: number[]) => {
    const report = await verifyWith(log, altered)
    // A record that is played again far before its place is told twice: there, and where it belongs.
    expect(new Set(codesOf(report))).toEqual(new Set(['misplaced']))
    for (const { from } of report.findings) expect(positions).toContain(from)
    return report
  }
  for (let position = 0; position < last; position++) {
    const [at, line] = [position + 1, lines[position + 1]!]
    await named(lines.toSpliced(at, 1), [position])
    const swapped = lines.with(at, lines[at + 1]!).with(at + 1, line)
    const replayed = lines.toSpliced(1 + ((position * 7) % last), 0, line)
    // The place may be that of the record itself.
    for (const altered of [swapped, replayed]) {
      const report = await named(altered, [position, position + 1])
      expect(report.checkpointsHeld).toBe(log.checkpoints.length)
    }
    count('records removed, swapped and replayed')
  }
}

function codesOf(report: VerificationReport): string[] {
  return report.findings.map(({ code }) => code)
}
