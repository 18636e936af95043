import { AuthorityError } from '../authority-error.ts'

/** local@domain without anything that ends a header, an angle address or a list. */
const pattern = /^[^\p{C}\s@"(),:;<>[\\\]]+@[^\p{C}\s@"(),:;<>[\\\]]+$/u

/** Whether the text is one address, fit for a header and for SMTP. */
export const isMailbox = (text: string): boolean => text.length <= 254 && pattern.test(text)

/** @throws AuthorityError `bad-request` */
export function checkMailbox(text: string): void {
  if (isMailbox(text)) return
  throw new AuthorityError('bad-request', 'This is no email address that mail can be sent to. Correct it.')
}

/** `a***@plant.example`: enough to recognise one's own address by. */
export function maskMailbox(address: string): string {
  const at = address.lastIndexOf('@')
  return at < 1 ? '***' : `${[...address][0]}***${address.slice(at)}`
}
