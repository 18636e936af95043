import { pino } from 'pino'
import { StartError } from './authority-error.ts'

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

const levels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']

/** JSON lines on standard error, secrets left out. @throws StartError `bad-setting` */
export function createLogger(level: string): Logger {
  if (!levels.includes(level))
    throw new StartError('bad-setting', `--log-level ${level} is none. Give one of ${levels.join(', ')}.`)
  const paths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  return pino({ level, redact: { paths, censor: '[redacted]' }, base: null }, pino.destination({ dest: 2, sync: true }))
}
