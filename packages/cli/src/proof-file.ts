import { parseCheckpoint, parseProof, parseVerifierKey, verifyProof } from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'
import { readLogKey, readTextFile } from './audit-files.ts'
import { CommandError, exitCodes } from './exit-codes.ts'
import { knownLog } from './known-logs.ts'
import { print } from './output.ts'
import { plainJson, plainText } from './plain-text.ts'
import { counted } from './progress-line.ts'

interface ProofFileFlags {
  checkpoint?: string[]
  key?: string
  json?: boolean
}

/**
 * Verifies the proof of one record, and prints the record.
 * @throws CommandError `usage`, `file`, `key-needed`, `bad-key`; AuditLogError
 */
export async function verifyProofFile(path: string, { key: given, checkpoint, json }: ProofFileFlags): Promise<void> {
  if (checkpoint)
    throw new CommandError(
      'usage',
      'Give --file too: only the whole log leads from a proof to other checkpoints.',
      exitCodes.usage,
    )
  const text = await readTextFile(path)
  const { origin } = parseCheckpoint(parseProof(text).checkpoint)
  const known = await knownLog(origin)
  const key = given === undefined ? known?.key : await readLogKey(given)
  if (key === undefined)
    throw new CommandError(
      'key-needed',
      `No key of the log ${origin} is known here. Give it with --key, as it was noted at the set-up of the log.`,
      exitCodes.usage,
    )
  const { record, text: recordText, checkpoint: tree } = await verifyProof(sha256, text, await parseVerifierKey(key))
  if (json) print(plainJson({ proved: true, origin, key, size: tree.size, record: JSON.parse(recordText) }))
  else {
    print(`Record ${record.position} is in the log ${origin} as of ${counted(tree.size, 'record')}:`)
    print(plainText(recordText))
  }
}
