import type { MembersImport } from '@sealmq/protocol/api'
import { CommandError, exitCodes } from './exit-codes.ts'
import { jsonFaultLine } from './json-fault.ts'

type OriginalUsers = MembersImport['users']

/**
 * The content of the original system's users.json.
 * @param path for what is said of faults
 * @throws CommandError `bad-file`
 */
export function readOriginalUsers(path: string, text: string): OriginalUsers {
  const content = parse(path, text.replace(/^\uFEFF/, ''))
  if (!isObject(content)) throw badFile(path, 'it holds no object of users')
  const users = Object.entries(content).map(([user, value]) => {
    if (!isObject(value) || typeof value.password !== 'string' || typeof value.role !== 'string')
      throw badFile(path, `the user ${user} has no password or no role`)
    return [user, { password: value.password, role: value.role }] as const
  })
  if (users.length === 0) throw badFile(path, 'it has no users')
  return Object.fromEntries(users)
}

/**
 * Addresses by user: lines `user,email`, a first line that says so is skipped.
 * @param path for what is said of faults
 * @param users who may be named
 * @throws CommandError `bad-file`
 */
export function readEmails(path: string, text: string, users: OriginalUsers): Record<string, string> {
  const emails = new Map<string, string>()
  for (const [index, line] of text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .entries()) {
    if (line.trim() === '') continue
    const cells = line.split(',').map(cellText)
    const [user, email] = cells as [string, string?]
    if (index === 0 && user.toLowerCase() === 'user' && email?.toLowerCase() === 'email') continue
    const fault = (text: string) => badFile(path, `line ${index + 1}: ${text}`)
    if (cells.length !== 2 || user === '' || !email) throw fault('it is not user,email')
    if (!/^[^\s@]+@[^\s@]+$/.test(email)) throw fault(`${email} is no email address`)
    if (!Object.hasOwn(users, user)) throw fault(`there is no user ${user} to import`)
    if (emails.has(user)) throw fault(`${user} is there twice`)
    emails.set(user, email)
  }
  return Object.fromEntries(emails)
}

const cellText = (cell: string) => cell.trim().replace(/^"(.*)"$/, '$1')

function parse(path: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw badFile(path, `line ${jsonFaultLine(text)}: it is no JSON from there on`)
  }
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  value !== null && typeof value === 'object' && !Array.isArray(value)

const badFile = (path: string, fault: string) =>
  new CommandError('bad-file', `${path}: ${fault}. Correct it and run this again.`, exitCodes.usage)
