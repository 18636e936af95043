import { Badge, Button, Group, Menu, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import type { DeviceInfo, DevicePage, DeviceTicket, RoleInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atAdministration } from '../administration/administration-desk.tsx'
import { at, authority } from '../authority/authority.ts'
import { ConfirmModal, type Question } from '../layout/confirm-modal.tsx'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { ReadTable } from '../layout/read-table.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { AddDeviceModal } from './add-device-modal.tsx'
import { ImportModal } from './import-modal.tsx'
import { ticketMaker } from './ticket-maker.ts'
import { TicketModal, type WrittenTicket } from './ticket-modal.tsx'

const text = messages.devices
const colors = { waiting: 'yellow', enrolled: 'teal', disabled: 'gray', copied: 'red' } as const
const pageSize = 50

/** Devices, behind the door to administration. */
export const DevicesDesk = atAdministration(DevicesPage)

/** Machines and their tickets; searched and paged by the authority. */
function DevicesPage() {
  const [search, setSearch] = useState('')
  const [asked] = useDebouncedValue(search.trim(), 250)
  const devices = useInfiniteQuery({
    queryKey: ['devices', asked],
    queryFn: ({ pageParam }) => authority.request<DevicePage>('GET', `${routes.devices}?${queryOf(asked, pageParam)}`),
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    placeholderData: keepPreviousData,
  })
  const roles = useQuery({ queryKey: ['roles'], queryFn: () => authority.request<RoleInfo[]>('GET', routes.roles) })
  const [opened, setOpened] = useState<'add' | 'import' | null>(null)
  const [ticket, setTicket] = useState<WrittenTicket | null>(null)
  const [question, setQuestion] = useState<Question | null>(null)
  const { failure, run } = useRequest()
  const change = (method: string, path: string) =>
    run(async () => {
      await authority.request(method, path)
      await devices.refetch()
    })
  const enrol = (id: string) =>
    run(async () => {
      const write = await ticketMaker()
      const made = await authority.request<DeviceTicket>('POST', at(routes.deviceTicket, id))
      setTicket({ ...made, word: write(made) })
      await devices.refetch()
    })
  const shown = devices.data?.pages.flatMap((page) => page.devices)
  const total = devices.data?.pages.at(-1)?.total ?? 0
  // Machines have no role that is for people; the authority refuses those.
  const forDevices = (roles.data ?? [])
    .filter((role) => !role.administrator && !role.auditor && !role.requireAuthenticator)
    .map(({ name }) => name)
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">
          {text.title}
        </Title>
        <Group gap="xs">
          <Button variant="default" onClick={() => setOpened('import')}>
            {text.import}
          </Button>
          <Button onClick={() => setOpened('add')}>{text.add}</Button>
        </Group>
      </Group>
      <Group>
        <TextInput
          aria-label={text.search}
          placeholder={text.search}
          maxLength={64}
          w={360}
          value={search}
          onChange={(event) => setSearch(event.currentTarget.value)}
        />
        {shown && shown.length > 0 && (
          <Text size="sm" role="status">
            {text.found(shown.length, total)}
          </Text>
        )}
      </Group>
      <FailureAlert failure={failure} />
      <ReadTable
        queries={[devices]}
        minWidth={900}
        columns={[text.device, text.roles, text.state, text.seen, text.address, text.version, text.lag, '']}
        empty={asked === '' ? text.empty : text.noMatch}
        rows={shown?.map((device) => (
          <DeviceRow key={device.id} device={device} ask={setQuestion} change={change} enrol={enrol} />
        ))}
      />
      {devices.hasNextPage && (
        <Group>
          <Button variant="default" loading={devices.isFetchingNextPage} onClick={() => void devices.fetchNextPage()}>
            {text.more}
          </Button>
        </Group>
      )}
      {opened === 'add' && (
        <AddDeviceModal
          roles={forDevices}
          close={() => setOpened(null)}
          added={(made) => {
            setOpened(null)
            setTicket(made)
            void devices.refetch()
          }}
        />
      )}
      {opened === 'import' && <ImportModal close={() => setOpened(null)} imported={() => void devices.refetch()} />}
      {ticket && <TicketModal ticket={ticket} close={() => setTicket(null)} />}
      <ConfirmModal question={question} close={() => setQuestion(null)} />
    </Stack>
  )
}

function queryOf(search: string, after: string | null): URLSearchParams {
  const query = new URLSearchParams({ limit: String(pageSize) })
  if (search !== '') query.set('search', search)
  if (after !== null) query.set('after', after)
  return query
}

interface DeviceRowProps {
  device: DeviceInfo
  ask: (question: Question) => void
  change: (method: string, path: string) => Promise<boolean>
  enrol: (id: string) => Promise<boolean>
}

function DeviceRow({ device, ask, change, enrol }: DeviceRowProps) {
  const { id, name, roles, state, ticketExpiresAt, senders, epochLag } = device
  const last = senders.toSorted((a, b) => (b.lastSeenAt ?? 0) - (a.lastSeenAt ?? 0))[0]
  const sure = (what: keyof typeof text.sure, answer: () => unknown) => () =>
    ask({ sentence: text.sure[what](name), label: text[what], answer })
  return (
    <Table.Tr>
      <Table.Td>
        <Text size="sm" fw={500}>
          {name}
        </Text>
      </Table.Td>
      <Table.Td>{roles.join(', ')}</Table.Td>
      <Table.Td>
        <Badge color={colors[state]} variant="light" tt="none">
          {text.states[state]}
        </Badge>
        {(ticketExpiresAt !== null || state === 'waiting') && (
          <Text size="xs">
            {ticketExpiresAt === null
              ? text.noTicket
              : text.ticketUntil(new Date(ticketExpiresAt).toLocaleTimeString())}
          </Text>
        )}
      </Table.Td>
      <Table.Td>
        {last?.lastSeenAt ? new Date(last.lastSeenAt).toLocaleString() : senders.length > 0 ? text.never : '—'}
      </Table.Td>
      <Table.Td>{last?.address ?? '—'}</Table.Td>
      <Table.Td>{last?.version ?? '—'}</Table.Td>
      <Table.Td>{epochLag ?? '—'}</Table.Td>
      <Table.Td>
        <Group justify="flex-end">
          <Menu position="bottom-end" withinPortal>
            <Menu.Target>
              <Button size="xs" variant="default" aria-label={text.actions(name)}>
                …
              </Button>
            </Menu.Target>
            <Menu.Dropdown>
              {state !== 'disabled' && (
                <Menu.Item onClick={senders.length > 0 ? sure('enrol', () => enrol(id)) : () => void enrol(id)}>
                  {text.enrol}
                </Menu.Item>
              )}
              {state === 'disabled' ? (
                <Menu.Item onClick={() => void change('POST', at(routes.memberUnlock, id))}>{text.enable}</Menu.Item>
              ) : (
                <Menu.Item onClick={sure('disable', () => change('POST', at(routes.memberLock, id)))}>
                  {text.disable}
                </Menu.Item>
              )}
              <Menu.Item color="red" onClick={sure('remove', () => change('DELETE', at(routes.member, id)))}>
                {text.remove}
              </Menu.Item>
            </Menu.Dropdown>
          </Menu>
        </Group>
      </Table.Td>
    </Table.Tr>
  )
}
