import { hostname } from 'node:os'
import { StartError } from '../authority-error.ts'
import type { MailSetting } from './mail.ts'
import { isMailbox } from './mailbox.ts'

export interface MailFlags {
  /** `smtp://HOST[:PORT]` or `smtps://HOST[:PORT]`; null: mail goes to the outbox folder. */
  smtp: string | null
  smtpUser: string | null
  /** The content of the password file. */
  smtpPassword: string | null
  mailFrom: string | null
  allowPlain: boolean
}

/**
 * How to reach the mail server, or null without `--smtp`.
 * @throws StartError `bad-setting` naming the setting
 */
export function readMailSetting(flags: MailFlags): MailSetting | null {
  const from = readMailFrom(flags.mailFrom)
  if (flags.smtp === null) return null
  const { smtpUser: user, smtpPassword } = flags
  // Files end with a line break that belongs to no password.
  const password = smtpPassword?.replace(/\r?\n$/, '') ?? null
  if (user === null && password !== null) throw bad('--smtp-password-file is of no use without --smtp-user. Add it.')
  if (user !== null && !password) throw bad('--smtp-user needs a password in --smtp-password-file. Add it.')
  if (user === '' || /[\r\n\0]/.test(user ?? ''))
    throw bad('--smtp-user is empty or has a line break in it. Correct it.')
  if (/[\r\n\0]/.test(password ?? ''))
    throw bad('--smtp-password-file holds more than one line. Leave only the password.')
  return { ...readSmtp(flags.smtp), user, password, from, allowPlain: flags.allowPlain }
}

/**
 * The sender of all mail, for the outbox folder too: `Name <address>` or an address.
 * @param host what the machine is called, for the default
 * @throws StartError `bad-setting`
 */
export function readMailFrom(given: string | null, host: string = hostname()): string {
  if (given === null) return `SealMQ <sealmq@${/^[a-z0-9.-]+$/i.test(host) ? host : 'localhost'}>`
  const { address } = splitFrom(given)
  // Control characters would start a header of their own, the others a second address.
  if (/\p{C}/u.test(given) || !isMailbox(address) || /["(),:;<>@[\\\]]/.test(splitFrom(given).name)) {
    throw bad("--mail-from takes an address, or 'Name <address>' without punctuation in the name. Correct it.")
  }
  return given.trim()
}

/** The display name (may be empty) and the address of a sender. */
export function splitFrom(from: string): { name: string; address: string } {
  const parts = /^(.*)<([^<>]*)>$/su.exec(from.trim())
  return parts ? { name: parts[1]!.trim(), address: parts[2]! } : { name: '', address: from.trim() }
}

function readSmtp(text: string): Pick<MailSetting, 'host' | 'port' | 'secure'> {
  // The text itself is not repeated: it may hold a password.
  if (text.includes('@')) {
    throw bad(
      '--smtp has a user in its address, which others on this machine can read. Use --smtp-user and --smtp-password-file.',
    )
  }
  const parts = /^(smtps?):\/\/([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?\/?$/i.exec(text)
  const [, scheme = '', host = '', given] = parts ?? []
  const secure = scheme.toLowerCase() === 'smtps'
  const port = given === undefined ? (secure ? 465 : 587) : Number(given)
  if (!parts || port < 1 || port > 65535) {
    throw bad('--smtp takes smtp://HOST[:PORT] (STARTTLS) or smtps://HOST[:PORT] (TLS at once). Correct it.')
  }
  return { host: host.replace(/^\[|\]$/g, '').toLowerCase(), port, secure }
}

const bad = (message: string) => new StartError('bad-setting', message)
