export { type RunningAuthority, type ServeOptions, startAuthority } from './app.ts'
export { StartError, type StartErrorCode } from './authority-error.ts'
