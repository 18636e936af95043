import { pino } from 'pino'

/** What the authority logs with. */
export type Logger = pino.Logger

// Whatever a caller hands to the log by mistake: none of these may be written out.
const secretNames = [
  'password',
  'token',
  'code',
  'otp',
  'authorization',
  'cookie',
  'epochKey',
  'senderKey',
  'payload',
  'key',
]

export const logLevels: readonly string[] = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** JSON lines on standard error, secrets left out. */
export function createLogger(level: string): Logger {
  const paths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  return pino({ level, redact: { paths, censor: '[redacted]' }, base: null }, pino.destination({ dest: 2, sync: true }))
}
