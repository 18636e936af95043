import { Loader, Table, Text } from '@mantine/core'
import type { ReactNode } from 'react'
import { messages } from '../messages/english.ts'
import { ReadFailure } from './failure-alert.tsx'

/** What is read of the authority, as TanStack Query tells of it. */
export interface ReadQuery {
  data: unknown
  error: unknown
  refetch: () => unknown
}

/** Says that something is still read or could not be read; the page shows what is there already beside it. */
export function ReadState({ queries }: { queries: readonly ReadQuery[] }) {
  const failed = queries.find(({ error }) => error)
  const again = () => {
    for (const query of queries) void query.refetch()
  }
  if (failed) return <ReadFailure error={failed.error} again={again} />
  return queries.some(({ data }) => data === undefined) ? <Loader aria-label={messages.loading} /> : null
}

interface ReadTableProps {
  queries: readonly ReadQuery[]
  /** px; on a narrower screen the table is scrolled sideways. */
  minWidth: number
  columns: readonly ReactNode[]
  /** Undefined while they are not known. */
  rows: readonly ReactNode[] | undefined
  /** What is said when there is no row. */
  empty: string
}

/** A table of what was read, or why there is none: still loading, failed, or empty. */
export function ReadTable({ queries, minWidth, columns, rows, empty }: ReadTableProps) {
  return (
    <>
      <ReadState queries={queries} />
      {rows?.length === 0 && <Text>{empty}</Text>}
      {rows && rows.length > 0 && (
        <Table.ScrollContainer minWidth={minWidth}>
          <Table verticalSpacing="sm" highlightOnHover>
            <Table.Thead>
              <Table.Tr>
                {columns.map((column, index) => (
                  <Table.Th key={index}>{column}</Table.Th>
                ))}
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>{rows}</Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
    </>
  )
}
