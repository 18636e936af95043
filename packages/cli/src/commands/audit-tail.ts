import { setTimeout } from 'node:timers/promises'
import { AuthorityError, ClientError } from '@sealmq/client'
import type { AuditPage, AuditQuery } from '@sealmq/protocol/api'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { type FilterFlags, readFilter, withFilter } from '../audit-filter.ts'
import { AuditTable } from '../audit-table.ts'
import { CommandError, exitCodes } from '../exit-codes.ts'
import { wholeNumber } from '../flags.ts'
import { interruption } from '../interruption.ts'
import { note, print } from '../output.ts'
import { plainJson } from '../plain-text.ts'
import { readPage } from './audit-list.ts'

interface TailFlags extends FilterFlags {
  limit: number
  wide?: boolean
  json?: boolean
}

const pollInterval = 1000

/** audit tail: the latest records, and those that come. */
export function auditTailCommand(audit: Command): void {
  withFilter(audit.command('tail').description('the latest records that fit, and every one that comes, until Ctrl+C'))
    .option('--limit <n>', 'begin with the latest so many', wholeNumber(1, 1000), 10)
    .option('--wide', 'a second line for each record, with its details')
    .option('--json', 'one record a line, as JSON')
    .addHelpText('after', '\nExample: sealmq audit tail --result refused')
    .action(tail)
}

async function tail({ limit, wide = false, json, ...flags }: TailFlags): Promise<void> {
  const filter = readFilter(flags, Date.now())
  const authority = await signedInAuthority()
  const interrupted = interruption()
  const table = new AuditTable(wide)
  const show = ({ records }: AuditPage) => {
    for (const line of json ? records.map(plainJson) : table.add(records)) print(line)
  }
  const read = (query: AuditQuery) => readPage(authority, { ...filter, ...query })
  const first = await latestRecords(read, limit)
  for (const page of first.pages) show(page)
  let { from } = first
  if (first.pages.every(({ records }) => records.length === 0) && !json)
    note('No record fits yet; waiting. Ctrl+C ends this.')
  let isAway = false
  while (await waited(interrupted)) {
    const page = await read({ from, limit: 1000 }).catch((error) => {
      if (!isPassing(error)) throw error
      if (!isAway) note('sealmq: the authority is away; trying again each second [authority-away]')
      isAway = true
      return null
    })
    if (!page) continue
    if (isAway) note('sealmq: the authority is there again [authority-back]')
    isAway = false
    if (page.size < from)
      throw new CommandError(
        'log-forked',
        `The log held ${from} records, and holds ${page.size} now: it was cut or set back. Find out with sealmq audit verify.`,
        exitCodes.notProved,
      )
    show(page)
    from = page.next ?? Math.max(from, behind(page))
  }
}

/** The latest so many, which may be several pages, and where the log goes on behind them. */
async function latestRecords(read: (query: AuditQuery) => Promise<AuditPage>, limit: number) {
  const newest = await read({ limit })
  const pages = [newest]
  let left = limit - newest.records.length
  for (let { next } = newest; next !== null && left > 0; ) {
    const page: AuditPage = await read({ before: next, limit: left })
    pages.unshift(page)
    left -= page.records.length
    next = page.next
  }
  return { pages, from: behind(newest) }
}

/** Where the log goes on behind a page: the size was read before the records. */
const behind = ({ size, records }: AuditPage) => Math.max(size, (records.at(-1)?.position ?? -1) + 1)

async function waited(interrupted: AbortSignal): Promise<boolean> {
  await setTimeout(pollInterval, undefined, { signal: interrupted }).catch(() => {})
  return !interrupted.aborted
}

/** Whether an error passes when the authority is there again. */
export const isPassing = (error: unknown): boolean =>
  (error instanceof ClientError && error.code === 'authority-unreachable') ||
  (error instanceof AuthorityError && (error.status >= 500 || error.status === 429))
