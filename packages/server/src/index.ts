export { type RunningAuthority, type ServeOptions, startAuthority } from './app.ts'
export { StartError, type StartErrorCode } from './authority-error.ts'
export { type BackupDescription, backUp } from './backup/backup.ts'
export { restoreBackup } from './backup/restore.ts'
