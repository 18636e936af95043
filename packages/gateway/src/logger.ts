import { pino } from 'pino'

/** What the gateway logs with. */
export type Logger = pino.Logger

// Whatever a caller hands to the log by mistake: none of these may be written out.
const secretNames = ['password', 'token', 'payload', 'key', 'keys', 'aes', 'hmac', 'signingKey']

/** JSON lines on standard error, secrets left out. */
export function createLogger(level: string): Logger {
  const paths = secretNames.flatMap((name) => [name, `*.${name}`, `*.*.${name}`])
  return pino({ level, redact: { paths, censor: '[redacted]' }, base: null }, pino.destination({ dest: 2, sync: true }))
}
