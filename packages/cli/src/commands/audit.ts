import type { Command } from 'commander'
import { auditCheckpointCommand } from './audit-checkpoint.ts'
import { auditExportCommand } from './audit-export.ts'
import { auditListCommand } from './audit-list.ts'
import { auditProofCommand } from './audit-proof.ts'
import { auditTailCommand } from './audit-tail.ts'
import { auditVerifyCommand } from './audit-verify.ts'

/** audit: who did what, and the proof that nobody changed it. */
export function auditCommands(program: Command): void {
  const audit = program
    .command('audit')
    .description('the audit log: list, tail, export, verify (administrators and auditors); checkpoint, proof')
  auditListCommand(audit)
  auditTailCommand(audit)
  auditExportCommand(audit)
  auditVerifyCommand(audit)
  auditCheckpointCommand(audit)
  auditProofCommand(audit)
}
