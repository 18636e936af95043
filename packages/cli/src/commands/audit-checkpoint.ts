import { setTimeout } from 'node:timers/promises'
import { type Checkpoint, openCheckpoint, parseCheckpoint, parseVerifierKey } from '@sealmq/audit-log'
import type { AuditCheckpoint } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { type AuditAuthority, openCheckpointAuthority, openProvedCheckpoint, requireGrown } from '../audit-client.ts'
import { appendCheckpoint, keptCheckpoints } from '../audit-files.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { wholeNumber } from '../flags.ts'
import { interruption } from '../interruption.ts'
import { rememberLog } from '../known-logs.ts'
import { note, print } from '../output.ts'
import { plainJson } from '../plain-text.ts'
import { counted } from '../progress-line.ts'
import { isPassing } from './audit-tail.ts'

interface CheckpointFlags {
  out?: string
  follow?: boolean
  interval: number
  json?: boolean
}

/** audit checkpoint: what the log says of itself now, to be kept where its administrators cannot change it. */
export function auditCheckpointCommand(audit: Command): void {
  audit
    .command('checkpoint')
    .description('have the log signed as it is now, prove that it only grew, and print or keep that (every member)')
    .option('--out <file>', 'add it behind the checkpoints in this file')
    .option('--follow', 'go on until Ctrl+C')
    .option('--interval <seconds>', 'with --follow: how often', wholeNumber(1, 86_400), 60)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example: sealmq audit checkpoint --follow --out /media/worm/checkpoints.txt
Keep checkpoints where nobody can change them who could change the log: sealmq audit verify --checkpoint FILE.
Exit code 7 and log-forked when the log is not the one that was seen before.`,
    )
    .action(checkpoint)
}

async function checkpoint(flags: CheckpointFlags): Promise<void> {
  const interrupted = interruption()
  const audit = await openCheckpointAuthority()
  if (!flags.follow) {
    await keepCheckpoint(audit, flags, null)
    return
  }
  let last: number | null = null
  let isAway = false
  while (!interrupted.aborted) {
    try {
      last = await keepCheckpoint(audit, flags, last)
      if (isAway) note('sealmq: the authority is there again [authority-back]')
      isAway = false
    } catch (error) {
      if (!isPassing(error)) throw error
      if (!isAway) note('sealmq: the authority is away; trying on [authority-away]')
      isAway = true
    }
    await setTimeout(flags.interval * 1000, undefined, { signal: interrupted }).catch(() => {})
  }
}

/** @param last size of the checkpoint before in this run @returns size of this one */
async function keepCheckpoint(
  audit: AuditAuthority,
  { out, follow, json }: CheckpointFlags,
  last: number | null,
): Promise<number> {
  const made = await audit.authority.request<AuditCheckpoint>('POST', routes.auditCheckpoint)
  const { checkpoint, tree, isFirstUse } = await openProvedCheckpoint(audit, made.note, made.key)
  const isKept = out !== undefined && (await isInFile(audit, out, checkpoint, tree.key))
  await rememberLog(tree)
  if (isFirstUse) note(`First use: this is the key of the log from now on. Compare it over another way: ${tree.key}`)
  if (checkpoint.size === last) return last
  if (out !== undefined && !isKept) await appendCheckpoint(out, made.note)
  if (json) print(plainJson({ ...made, file: out ?? null, added: out !== undefined && !isKept }))
  else if (out === undefined) print(follow ? made.note : made.note.trimEnd())
  else if (isKept) note(`${out} holds the checkpoint of ${counted(checkpoint.size, 'record')} already: nothing new.`)
  else note(`Checkpoint of ${counted(checkpoint.size, 'record')} in ${out}.`)
  return checkpoint.size
}

/**
 * Whether the file ends with a checkpoint already. The largest one in it must lead to it: the file is a memory too.
 * @throws CommandError `other-log`, `log-forked`, `no-checkpoint`; AuditLogError
 */
async function isInFile(audit: AuditAuthority, path: string, now: Checkpoint, key: string): Promise<boolean> {
  const notes = await keptCheckpoints(path)
  const kept = notes.map((text) => ({ text, ...parseCheckpoint(text) }))
  const other = kept.find(({ origin }) => origin !== now.origin)
  if (other)
    throw new CommandError(
      'other-log',
      `${path} holds checkpoints of the log ${other.origin}; this one is of ${now.origin}. Give each log a file of its own.`,
      exitCodes.notProved,
    )
  const largest = kept.toSorted((a, b) => a.size - b.size).at(-1)
  if (!largest) return false
  const before = await openCheckpoint(largest.text, await parseVerifierKey(key))
  await requireGrown(audit.authority, before, now, `when it was written to ${path}`)
  return before.size === now.size
}
