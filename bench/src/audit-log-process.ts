// Verifies an export in a process of its own, so that the memory is that of the verification alone.
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { linesOf, verifyExport } from '@sealmq/audit-log'
import { sha256 } from '@sealmq/audit-log/node'

export interface VerificationOrder {
  file: string
  records: number
  /** C2SP vkey. */
  key: string
}

export interface VerificationResult {
  records: number
  seconds: number
  /** Resident, at most, MB. */
  peak: number
}

const [{ file, records, key }] = (await once(process, 'message')) as [VerificationOrder]
const begin = performance.now()
const report = await verifyExport(linesOf(createReadStream(file)), { sha256, key })
const seconds = (performance.now() - begin) / 1000
if (report.findings.length > 0 || report.records !== records) throw new Error(report.findings[0]?.message)
process.send!({ records, seconds, peak: process.resourceUsage().maxRSS / 1024 } satisfies VerificationResult)
