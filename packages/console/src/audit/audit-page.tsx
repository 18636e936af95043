import { Badge, Button, Code, Group, SegmentedControl, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import type { AuditRecordInfo, AuditPage as Records } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query'
import { Fragment, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { type ReadQuery, ReadTable } from '../layout/read-table.tsx'
import { messages } from '../messages/english.ts'
import { VerifyCard } from './verify-card.tsx'

const text = messages.audit
const pageSize = 50

/** What was done and refused here, the latest first. */
export function AuditPage() {
  const [action, setAction] = useState('')
  const [actor, setActor] = useState('')
  const [result, setResult] = useState('all')
  const [asked] = useDebouncedValue({ action: action.trim(), actor: actor.trim(), result }, 300)
  const records = useInfiniteQuery({
    queryKey: ['audit', asked],
    queryFn: ({ pageParam }) =>
      authority.request<Records>('GET', `${routes.auditRecords}?${queryOf(asked, pageParam)}`),
    initialPageParam: null as number | null,
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
  })
  const shown = records.data?.pages.flatMap((page) => page.records.toReversed())
  return (
    <Stack>
      <Title order={1} size="h2">
        {text.title}
      </Title>
      <VerifyCard />
      <Group align="end">
        <TextInput
          label={text.action}
          placeholder="member.*"
          value={action}
          onChange={(event) => setAction(event.currentTarget.value)}
        />
        <TextInput
          label={text.actor}
          placeholder="ada@plant.example"
          value={actor}
          onChange={(event) => setActor(event.currentTarget.value)}
        />
        <SegmentedControl
          aria-label={text.result}
          value={result}
          onChange={setResult}
          data={[
            { value: 'all', label: text.all },
            { value: 'done', label: text.done },
            { value: 'refused', label: text.refused },
          ]}
        />
        <Button variant="default" loading={records.isFetching} onClick={() => void records.refetch()}>
          {text.reload}
        </Button>
      </Group>
      <RecordTable query={records} records={shown} />
      {records.hasNextPage && (
        <Group>
          <Button variant="default" loading={records.isFetchingNextPage} onClick={() => void records.fetchNextPage()}>
            {text.older}
          </Button>
        </Group>
      )}
    </Stack>
  )
}

function queryOf(
  { action, actor, result }: { action: string; actor: string; result: string },
  before: number | null,
): URLSearchParams {
  const query = new URLSearchParams({ limit: String(pageSize) })
  if (action !== '') query.set('action', action)
  if (actor !== '') query.set('actor', actor)
  if (result !== 'all') query.set('result', result)
  if (before !== null) query.set('before', String(before))
  return query
}

function RecordTable({ query, records }: { query: ReadQuery; records: AuditRecordInfo[] | undefined }) {
  const [open, setOpen] = useState<number | null>(null)
  return (
    <ReadTable
      queries={[query]}
      minWidth={760}
      columns={[text.position, text.time, text.actor, text.action, text.on, text.result]}
      empty={text.empty}
      rows={records?.map((record) => (
        <Fragment key={record.position}>
          <Table.Tr>
            <Table.Td>
              <Button
                variant="subtle"
                size="compact-xs"
                aria-expanded={open === record.position}
                aria-label={text.details(record.position)}
                onClick={() => setOpen(open === record.position ? null : record.position)}
              >
                {record.position}
              </Button>
            </Table.Td>
            <Table.Td>{new Date(record.time).toLocaleString()}</Table.Td>
            <Table.Td>{record.actor.name ?? text.actors[record.actor.kind]}</Table.Td>
            <Table.Td>
              <Text size="sm" ff="monospace">
                {record.action}
              </Text>
            </Table.Td>
            <Table.Td>{record.on?.name ?? record.channel ?? ''}</Table.Td>
            <Table.Td>
              <Badge color={record.result === 'done' ? 'teal' : 'red'} variant="light" tt="none">
                {record.code ?? text[record.result]}
              </Badge>
            </Table.Td>
          </Table.Tr>
          {open === record.position && (
            <Table.Tr>
              <Table.Td colSpan={6}>
                <Code block tabIndex={0}>
                  {JSON.stringify(record, null, 2)}
                </Code>
              </Table.Td>
            </Table.Tr>
          )}
        </Fragment>
      ))}
    />
  )
}
