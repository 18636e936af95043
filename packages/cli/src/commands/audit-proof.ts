import { parseProof, parseVerifierKey, verifyProof } from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import type { InclusionProof } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { openAuditAuthority, openProvedCheckpoint } from '../audit-client.ts'
import { requireFree, writeWhole } from '../audit-files.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { wholeNumber } from '../flags.ts'
import { rememberLog } from '../known-logs.ts'
import { note, print } from '../output.ts'
import { plainJson } from '../plain-text.ts'
import { counted } from '../progress-line.ts'

interface ProofFlags {
  out?: string
  force?: boolean
  json?: boolean
}

const ending = '.tlog-proof'

/** audit proof: one record with the proof that it is in the log. */
export function auditProofCommand(audit: Command): void {
  audit
    .command('proof')
    .description('one record with the proof that it is in the log, verified, for somebody who has the key alone')
    .argument('<position>', 'as audit list shows it', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--out <file>', `write FILE${ending} instead of printing it`)
    .option('--force', 'replace a file that exists')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Example: sealmq audit proof 812 --out removal
         sealmq audit verify --proof removal${ending} --key sealmq/…`,
    )
    .action(prove)
}

async function prove(position: number, { out, force, json }: ProofFlags): Promise<void> {
  const file = out === undefined || out.endsWith(ending) ? out : `${out}${ending}`
  if (file !== undefined) await requireFree(file, force)
  const audit = await openAuditAuthority()
  const given = await audit.authority.request<InclusionProof>(
    'GET',
    `${routes.auditInclusion}?${new URLSearchParams({ position: String(position) })}`,
  )
  const { checkpoint, tree } = await openProvedCheckpoint(audit, parseProof(given.proof).checkpoint, given.key)
  const { key } = tree
  const { record, text } = await verifyProof(sha256, given.proof, await parseVerifierKey(key))
  if (record.position !== position)
    throw new CommandError(
      'misplaced',
      `The authority gave record ${record.position}. Ask again, and verify the log.`,
      exitCodes.notProved,
    )
  await rememberLog(tree)
  if (file !== undefined) await writeWhole(file, (write) => write(Buffer.from(given.proof)))
  if (json)
    print(
      plainJson({
        position,
        size: checkpoint.size,
        key,
        file: file ?? null,
        record: JSON.parse(text),
        proof: given.proof,
      }),
    )
  else if (file === undefined) print(given.proof.trimEnd())
  note(`Record ${position} (${record.action}) is in the log of ${counted(checkpoint.size, 'record')}.`)
  if (file !== undefined) note(`Verify it anywhere: sealmq audit verify --proof ${file} --key ${key}`)
}
