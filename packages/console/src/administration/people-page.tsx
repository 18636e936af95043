import { Badge, Button, Group, Menu, Stack, Table, Text, TextInput, Title } from '@mantine/core'
import type { MemberInfo, RoleInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { at, authority } from '../authority/authority.ts'
import { ConfirmModal, type Question } from '../layout/confirm-modal.tsx'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { ReadTable } from '../layout/read-table.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { atAdministration } from './administration-desk.tsx'
import { InviteModal } from './invite-modal.tsx'
import { RolesModal } from './roles-modal.tsx'

const text = messages.people
const colors = { active: 'teal', waiting: 'yellow', locked: 'red' } as const

/** People, behind the door to administration. */
export const PeopleDesk = atAdministration(PeoplePage)

/** Everybody who has an account or asks for one. */
function PeoplePage() {
  const members = useQuery({
    queryKey: ['members'],
    queryFn: () => authority.request<MemberInfo[]>('GET', routes.members),
    refetchInterval: 15_000,
  })
  const roles = useQuery({
    queryKey: ['roles'],
    queryFn: () => authority.request<RoleInfo[]>('GET', routes.roles),
  })
  const [search, setSearch] = useState('')
  const [inviting, setInviting] = useState(false)
  const [rolesOf, setRolesOf] = useState<MemberInfo | null>(null)
  const [question, setQuestion] = useState<Question | null>(null)
  const { busy, failure, run } = useRequest()
  const change = (method: string, path: string, body?: object) =>
    run(async () => {
      await authority.request(method, path, body)
      await members.refetch()
    })
  const wanted = search.trim().toLowerCase()
  const shown = members.data?.filter(({ name, email, roles: held }) =>
    [name, email, ...held].some((one) => one.toLowerCase().includes(wanted)),
  )
  const roleNames = roles.data?.map(({ name }) => name) ?? []
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">
          {text.title}
        </Title>
        <Button onClick={() => setInviting(true)}>{text.invite}</Button>
      </Group>
      <TextInput
        aria-label={text.search}
        placeholder={text.search}
        maw={360}
        value={search}
        onChange={(event) => setSearch(event.currentTarget.value)}
      />
      <FailureAlert failure={failure} />
      <ReadTable
        queries={[members, roles]}
        minWidth={640}
        columns={[text.person, text.roles, text.state, text.factor, '']}
        empty={members.data?.length === 0 ? text.empty : text.noMatch}
        rows={shown?.map((member) => (
          <Table.Tr key={member.id}>
            <Table.Td>
              <Text size="sm" fw={500}>
                {member.name}
              </Text>
              <Text size="xs">{member.email}</Text>
            </Table.Td>
            <Table.Td>
              <Text size="sm">{member.roles.join(', ') || '—'}</Text>
            </Table.Td>
            <Table.Td>
              <Badge color={colors[member.state]} variant="light" tt="none">
                {text.states[member.state]}
              </Badge>
              <Text size="xs">{explain(member)}</Text>
            </Table.Td>
            <Table.Td>
              <Text size="sm">{text.factors[member.secondFactor]}</Text>
            </Table.Td>
            <Table.Td>
              <Actions
                member={member}
                busy={busy}
                change={change}
                ask={setQuestion}
                changeRoles={() => setRolesOf(member)}
              />
            </Table.Td>
          </Table.Tr>
        ))}
      />
      <InviteModal
        opened={inviting}
        roles={roleNames}
        close={() => setInviting(false)}
        invited={() => void members.refetch()}
      />
      {rolesOf && (
        <RolesModal
          member={rolesOf}
          roles={roleNames}
          close={() => setRolesOf(null)}
          changed={() => void members.refetch()}
        />
      )}
      <ConfirmModal question={question} close={() => setQuestion(null)} />
    </Stack>
  )
}

function explain({ state, requestedRole, addressProved, lockedUntil }: MemberInfo): string {
  const parts = []
  if (state === 'waiting' && requestedRole !== null) parts.push(text.waitingFor(requestedRole))
  if (state === 'waiting' && !addressProved) parts.push(text.notProved)
  if (lockedUntil !== null) parts.push(text.lockedUntil(new Date(lockedUntil).toLocaleTimeString()))
  return parts.join(', ')
}

interface ActionsProps {
  member: MemberInfo
  busy: boolean
  change: (method: string, path: string, body?: object) => Promise<boolean>
  ask: (question: Question) => void
  changeRoles: () => void
}

function Actions({ member, busy, change, ask, changeRoles }: ActionsProps) {
  const { id, name, state, lockedUntil } = member
  const sure = (what: keyof typeof text.sure, label: string, method: string, path: string) =>
    ask({ sentence: text.sure[what](name), label, answer: () => change(method, path) })
  return (
    <Group gap="xs" justify="flex-end" wrap="nowrap">
      {state === 'waiting' && (
        <Button size="xs" loading={busy} onClick={() => void change('POST', at(routes.memberApprove, id), {})}>
          {text.approve}
        </Button>
      )}
      <Menu position="bottom-end" withinPortal>
        <Menu.Target>
          <Button size="xs" variant="default" aria-label={text.actions(name)}>
            …
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          {state === 'waiting' && (
            <Menu.Item color="red" onClick={() => sure('reject', text.reject, 'POST', at(routes.memberReject, id))}>
              {text.reject}
            </Menu.Item>
          )}
          {state !== 'waiting' && <Menu.Item onClick={changeRoles}>{text.changeRoles}</Menu.Item>}
          {(state === 'locked' || lockedUntil !== null) && (
            <Menu.Item onClick={() => void change('POST', at(routes.memberUnlock, id))}>{text.unlock}</Menu.Item>
          )}
          {state === 'active' && (
            <Menu.Item onClick={() => sure('lock', text.lock, 'POST', at(routes.memberLock, id))}>
              {text.lock}
            </Menu.Item>
          )}
          <Menu.Item onClick={() => void change('DELETE', at(routes.memberSessions, id))}>{text.endSessions}</Menu.Item>
          <Menu.Item onClick={() => sure('resetFactor', text.resetFactor, 'POST', at(routes.memberResetFactor, id))}>
            {text.resetFactor}
          </Menu.Item>
          {state !== 'waiting' && (
            <Menu.Item color="red" onClick={() => sure('remove', text.remove, 'DELETE', at(routes.member, id))}>
              {text.remove}
            </Menu.Item>
          )}
        </Menu.Dropdown>
      </Menu>
    </Group>
  )
}
