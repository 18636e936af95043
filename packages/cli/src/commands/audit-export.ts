import { linesOf } from '@sealmq/audit-log'
import type { Command } from 'commander'
import { exportChunks, openAuditAuthority, requireBeginning, requireOrigin } from '../audit-client.ts'
import { requireFree, writeWhole } from '../audit-files.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { openExport } from '../export-shape.ts'
import { wholeNumber } from '../flags.ts'
import { interruption } from '../interruption.ts'
import { note, printBytes, report } from '../output.ts'
import { counted, ProgressLine } from '../progress-line.ts'

interface ExportFlags {
  out: string
  from: number
  force?: boolean
  json?: boolean
}

/** audit export: the log in a file, for archives and for verifying elsewhere. */
export function auditExportCommand(audit: Command): void {
  audit
    .command('export')
    .description('write the log with its checkpoints to a file, byte for byte (itself recorded)')
    .requiredOption('--out <file>', 'file to make; - is standard output')
    .option('--from <position>', 'leave out what is before', wholeNumber(0, Number.MAX_SAFE_INTEGER), 0)
    .option('--force', 'replace a file that exists')
    .option('--json', 'say what was written as JSON')
    .addHelpText(
      'after',
      `
Example: sealmq audit export --out audit-2026-11.jsonl
While it runs the file is called FILE.partial. It holds names and addresses: its mode is 0600.`,
    )
    .action(exportLog)
}

async function exportLog({ out, from, force, json }: ExportFlags): Promise<void> {
  if (out !== '-') await requireFree(out, force)
  const { authority, origin } = await openAuditAuthority()
  const cancelled = interruption()
  const copy = (write: (bytes: Uint8Array) => void | Promise<void>) =>
    copyExport(exportChunks(authority, from, cancelled), { origin, from }, write)
  const written = out === '-' ? await copy(printBytes) : await writeWhole(out, copy)
  if (written.missing > 0)
    note(
      `sealmq: the authority could not read ${counted(written.missing, 'record')} of its store: sealmq audit verify names them [records-missing]`,
    )
  if (out === '-') return
  report(
    json,
    { file: out, ...written },
    `${counted(written.records, 'record')} in ${out}. Verify it: sealmq audit verify --file ${out}`,
  )
}

interface Written {
  origin: string
  key: string
  from: number
  size: number
  records: number
  checkpoints: number
  /** Records that the head promised. */
  missing: number
}

/** Copies an export and counts its lines: one whose end has not come is none. */
async function copyExport(
  chunks: AsyncIterable<Uint8Array>,
  expected: { origin: string | null; from: number },
  write: (bytes: Uint8Array) => void | Promise<void>,
): Promise<Written> {
  const progress = new ProgressLine()
  async function* copied() {
    for await (const chunk of chunks) {
      await write(chunk)
      yield chunk
    }
  }
  const { head, lines } = await openExport('The answer of the authority', linesOf(copied()))
  if (!head) throw incomplete()
  requireOrigin(head.origin, expected.origin)
  requireBeginning(head, expected.from)
  const { origin, key, from, size } = head
  let [records, checkpoints] = [0, 0]
  try {
    for await (const line of lines) {
      if (line.startsWith('{"hash":')) records++
      else if (line.startsWith('{"checkpoint":')) checkpoints++
      if (records % 4096 === 0) progress.show(records, size - from, 'record')
    }
  } finally {
    progress.clear()
  }
  if (checkpoints < head.checkpoints) throw incomplete()
  return { origin, key, from, size, records, checkpoints, missing: Math.max(0, size - from - records) }
}

const incomplete = () =>
  new CommandError(
    'broken-off',
    'The export ended before its end. Check the authority and what stands between, and run this again.',
    exitCodes.authorityUnreachable,
  )
