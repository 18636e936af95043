import { isIPv6 } from 'node:net'
import { AuthorityError } from '../authority-error.ts'

/** The form in which email addresses and user names are stored and compared. */
export const normalSignInName = (name: string): string => name.trim().normalize('NFC').toLowerCase()

/** Whether the sign-in name is an address that mail can be sent to. */
export const hasMailbox = (signInName: string): boolean => signInName.includes('@')

/**
 * Checks a new sign-in name and gives its normal form.
 * @throws AuthorityError `bad-request`
 */
export function checkSignInName(name: string): string {
  const normal = normalSignInName(name)
  // One address, no list, no comment, no quoting: it is written into the header of mails.
  const isAddress = /^[^\s@"(),:;<>[\\\]]+@[^\s@"(),:;<>[\\\]]+$/.test(normal)
  const isUserName = /^[\p{L}\p{N}][\p{L}\p{N}._-]*$/u.test(normal)
  if (isAddress || isUserName) return normal
  throw new AuthorityError(
    'bad-request',
    `${normal} is neither an email address nor a user name (letters, digits, dot, dash and underscore). Correct it.`,
  )
}

/** What tries from a source address are counted under: an IPv4 address, or the /64 that an IPv6 host chooses from. */
export function addressGroup(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)
  if (mapped) return mapped[1]!
  if (!isIPv6(address)) return address
  const [head = '', tail] = address.split('%')[0]!.split('::')
  const left = head.split(':').filter(Boolean)
  const right = (tail ?? '').split(':').filter(Boolean)
  const groups = [...left, ...Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0'), ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}
