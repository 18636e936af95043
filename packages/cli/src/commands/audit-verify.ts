import {
  type ExportHead,
  linesOf,
  parseProof,
  parseVerifierKey,
  type RememberedTree,
  type VerificationReport,
  verifyExport,
  verifyProof,
} from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import type { Command } from 'commander'
import { readAltered } from '../altered-records.ts'
import { exportChunks, openAuditAuthority, requireBeginning, requireOrigin } from '../audit-client.ts'
import { chunksOfFile, readCheckpoints, readLogKey, readTextFile } from '../audit-files.ts'
import { verdictLines } from '../audit-verdict.ts'
import { exitCodes } from '../exit-codes.ts'
import { openExport } from '../export-shape.ts'
import { collect } from '../flags.ts'
import { interruption } from '../interruption.ts'
import { knownLog, rememberLog, replaceLog } from '../known-logs.ts'
import { note, print } from '../output.ts'
import { plainJson } from '../plain-text.ts'
import { counted, ProgressLine } from '../progress-line.ts'
import { verifyProofFile } from '../proof-file.ts'

interface VerifyFlags {
  file?: string
  checkpoint?: string[]
  key?: string
  proof?: string
  older?: boolean
  forget?: boolean
  json?: boolean
}

/** audit verify: that nothing was changed, removed or put in between; offline with --file. */
export function auditVerifyCommand(audit: Command): void {
  audit
    .command('verify')
    .description('prove that nothing in the log was changed, removed or put in between; --file works offline')
    .option('--file <export>', 'verify this export (- is standard input) instead of the log of the authority')
    .option('--checkpoint <file>', 'checkpoints that were kept outside; may be given several times', collect)
    .option('--key <key>', "the log's public key, as text or in a file; default: the one that was seen first")
    .option('--proof <file>', 'verify this proof of one record; with --file also against the export')
    .option('--older', 'the export is older than what was seen last time: do not miss what came behind')
    .option('--forget', 'after a restored backup that you know of: compare with nothing seen before, and begin anew')
    .option('--json', 'print the report as JSON')
    .addHelpText(
      'after',
      `
Example: sealmq audit verify --checkpoint /media/worm/checkpoints.txt
         sealmq audit verify --file audit-2026-11.jsonl --checkpoint checkpoints.txt --key sealmq/…
Exit code 0 when nothing was found, 7 when something was. docs/audit.md says what each finding means.`,
    )
    .action(verify)
}

async function verify(flags: VerifyFlags): Promise<void> {
  if (flags.proof !== undefined && flags.file === undefined) return verifyProofFile(flags.proof, flags)
  const key = flags.key === undefined ? undefined : await readLogKey(flags.key)
  const checkpoints = (await Promise.all((flags.checkpoint ?? []).map(readCheckpoints))).flat()
  const proof = flags.proof === undefined ? null : await readTextFile(flags.proof)
  if (proof !== null) checkpoints.push(parseProof(proof).checkpoint)
  const { name, chunks, expectedOrigin } = await openSource(flags.file)
  const { head, lines } = await openExport(name, linesOf(chunks))
  if (head) requireOrigin(head.origin, expectedOrigin)
  if (head && flags.file === undefined) requireBeginning(head, 0)
  const known = await knownOf(head, expectedOrigin, key)
  const remembered = flags.forget || isOlder(flags, head, known) ? null : known
  const trusted = key ?? (flags.forget ? undefined : known?.key)
  const progress = new ProgressLine()
  const report = await verifyExport(lines, {
    sha256,
    ...(trusted === undefined ? {} : { key: trusted }),
    checkpoints: checkpoints.map((text) => ({ note: text })),
    remembered,
    onProgress: (records, total) => progress.show(records, total, 'record'),
  }).finally(() => progress.clear())
  if (proof !== null && report.key !== null) await verifyProof(sha256, proof, await parseVerifierKey(report.key))
  await remember(report, known, flags)
  await tell(report, flags, remembered, known)
  if (head && remembered && head.size < remembered.size && flags.file !== undefined && !flags.json)
    note('If this export is older than your last look at the log, and is meant to be: --older.')
}

async function openSource(file: string | undefined) {
  if (file !== undefined) return { name: file, chunks: chunksOfFile(file), expectedOrigin: null }
  const { authority, origin } = await openAuditAuthority()
  const chunks = exportChunks(authority, 0, interruption())
  return { name: 'The answer of the authority', chunks, expectedOrigin: origin }
}

async function knownOf(
  head: ExportHead | null,
  expectedOrigin: string | null,
  key: string | undefined,
): Promise<RememberedTree | null> {
  const origin = expectedOrigin ?? (key === undefined ? head?.origin : (await parseVerifierKey(key)).name)
  return origin === undefined ? null : knownLog(origin)
}

const isOlder = ({ older }: VerifyFlags, head: ExportHead | null, known: RememberedTree | null) =>
  older === true && head !== null && known !== null && head.size < known.size

async function remember(
  { remember: tree }: VerificationReport,
  known: RememberedTree | null,
  { forget }: VerifyFlags,
): Promise<void> {
  if (!tree) return
  if (forget && known) await replaceLog(tree)
  else await rememberLog(tree)
}

async function tell(
  report: VerificationReport,
  { file, forget, json }: VerifyFlags,
  remembered: RememberedTree | null,
  known: RememberedTree | null,
): Promise<void> {
  const isWhole = report.findings.length === 0
  const isFirstUse = known === null && report.remember !== null
  if (!isWhole) process.exitCode = exitCodes.notProved
  if (json) {
    print(plainJson({ whole: isWhole, firstUse: isFirstUse, ...report }))
    return
  }
  const rememberedSize = remembered?.size ?? null
  const asItStands = file === undefined || file === '-' ? new Map() : await readAltered(file, report)
  for (const line of verdictLines(report, { rememberedSize, asItStands })) print(line)
  if (isFirstUse) note('First use: log and key are remembered from now on. Compare the key over another way.')
  if (forget && known) note(forgotten(report, known))
}

function forgotten({ remember: tree, key }: VerificationReport, known: RememberedTree): string {
  const sameKey =
    key === known.key ? 'The key is the one from before.' : `The key is ANOTHER than before (${known.key}).`
  return tree
    ? `What was seen before (${counted(known.size, 'record')}) is forgotten; ${counted(tree.size, 'record')} are remembered. ${sameKey}`
    : `Nothing was forgotten, since the log does not hold. ${sameKey}`
}
