import { decodeRecord, linesOf, parseLine, type VerificationReport } from '@sealmq/audit-log'
import { chunksOfFile } from './audit-files.ts'
import { whoOf } from './audit-table.ts'
import { plainText } from './plain-text.ts'

const mostAltered = 100

/** What altered records of a file say of themselves, read once more: the report says when and what, not who. */
export async function readAltered(file: string, { findings }: VerificationReport): Promise<Map<number, string>> {
  const wanted = new Set(
    findings.flatMap(({ code, line }) => (code === 'altered' && line !== null ? [line] : [])).slice(0, mostAltered),
  )
  const found = new Map<number, string>()
  if (wanted.size === 0) return found
  let number = 0
  for await (const line of linesOf(chunksOfFile(file))) {
    if (!wanted.has(++number)) continue
    found.set(number, describeLine(line))
    if (found.size === wanted.size) break
  }
  return found
}

function describeLine(line: string): string {
  try {
    const parsed = parseLine(line)
    if (parsed.kind !== 'record') return 'no record'
    const { action, result, actor, on, address } = decodeRecord(parsed.text)
    const what = on ? ` on ${on.kind} ${on.name ?? on.id ?? '-'}` : ''
    return plainText(`${action} ${result} by ${whoOf(actor)}${what}${address === null ? '' : ` from ${address}`}`)
  } catch {
    return 'nothing that can be read'
  }
}
