import type { AuthorityClient } from '@sealmq/client'
import type { AuditFilter, AuditPage, AuditQuery, AuditRecordInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import type { Command } from 'commander'
import { signedInAuthority } from '../administration-client.ts'
import { actionList, type FilterFlags, queryOf, readFilter, withFilter } from '../audit-filter.ts'
import { AuditTable } from '../audit-table.ts'
import { wholeNumber } from '../flags.ts'
import { note, print } from '../output.ts'
import { plainJson } from '../plain-text.ts'

interface ListFlags extends FilterFlags {
  limit: number
  wide?: boolean
  json?: boolean
}

const mostOnPage = 1000

/** audit list: records that fit, in the order of the log. */
export function auditListCommand(audit: Command): void {
  withFilter(audit.command('list').description('the latest records that fit, in the order of the log'))
    .option('--until <time>', 'before then')
    .option('--limit <n>', 'the latest so many; 0: all', wholeNumber(0, 1_000_000_000), 50)
    .option('--wide', 'a second line for each record, with its details')
    .option('--json', 'one record a line, as JSON')
    .addHelpText(
      'after',
      () => `
Example: sealmq audit list --since 7d --action member.* --result refused --wide
What is shown is what the authority says; sealmq audit verify proves it.

Actions:
${actionList()}`,
    )
    .action(list)
}

async function list({ limit, wide = false, json, ...flags }: ListFlags): Promise<void> {
  const filter = readFilter(flags, Date.now())
  const authority = await signedInAuthority()
  const table = new AuditTable(wide)
  let count = 0
  for await (const records of limit === 0 ? allRecords(authority, filter) : latest(authority, filter, limit)) {
    count += records.length
    for (const line of json ? records.map(plainJson) : table.add(records)) print(line)
  }
  if (count > 0 || json) return
  note(Object.keys(filter).length > 0 ? 'No record fits.' : 'The log holds no record yet.')
}

/** One page of the log. */
export function readPage(authority: AuthorityClient, query: AuditQuery): Promise<AuditPage> {
  return authority.request('GET', `${routes.auditRecords}?${queryOf(query)}`)
}

async function* allRecords(authority: AuthorityClient, filter: AuditFilter): AsyncGenerator<AuditRecordInfo[]> {
  for (let from: number | null = 0; from !== null; ) {
    const page: AuditPage = await readPage(authority, { ...filter, from, limit: mostOnPage })
    yield page.records
    from = page.next
  }
}

async function* latest(
  authority: AuthorityClient,
  filter: AuditFilter,
  limit: number,
): AsyncGenerator<AuditRecordInfo[]> {
  const pages: AuditRecordInfo[][] = []
  let left = limit
  let before: number | null | undefined
  while (left > 0 && before !== null) {
    const query = { ...filter, ...(before === undefined ? {} : { before }), limit: Math.min(left, mostOnPage) }
    const { records, next } = await readPage(authority, query)
    pages.unshift(records)
    left -= records.length
    before = next
  }
  yield* pages
}
