/** Why something of an audit log was refused, and what to do. A code that has been released keeps its meaning. */
export const auditLogErrorCodes = {
  malformed: 'This is not what it should be, or was damaged on its way. Get the file anew from where it came from.',
  'other-log': 'It belongs to the log of another deployment. Check which deployment the file came from.',
  'other-key':
    'It is not signed with the key of this log. Compare the key with the one that was noted at the set-up, over another way.',
  'bad-signature':
    'The signature does not fit: what was signed has been altered. Ask for the file anew, and keep this one.',
  'not-included': 'The proof does not lead to the checkpoint: the record is not in that log as it stands here.',
  misplaced: 'The record stands at another position than the proof says. Ask for the proof anew, and keep this one.',
} as const
export type AuditLogErrorCode = keyof typeof auditLogErrorCodes

/** Something of an audit log that was refused. */
export class AuditLogError extends Error {
  readonly code: AuditLogErrorCode
  /** @param detail What exactly is wrong, one sentence. */
  constructor(code: AuditLogErrorCode, detail?: string) {
    super(detail ? `${detail} ${auditLogErrorCodes[code]}` : auditLogErrorCodes[code])
    this.name = 'AuditLogError'
    this.code = code
  }
}
