import { Badge, Button, Group, Menu, Stack, Table, Text, Title } from '@mantine/core'
import type { ChannelInfo, RoleInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { atAdministration } from '../administration/administration-desk.tsx'
import { at, authority } from '../authority/authority.ts'
import { ConfirmModal, type Question } from '../layout/confirm-modal.tsx'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { ReadTable } from '../layout/read-table.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { GrantModal } from './grant-modal.tsx'
import { RightsCard } from './rights-card.tsx'
import { RoleModal } from './role-modal.tsx'

const text = messages.roles
const flags = ['administrator', 'auditor', 'monitor', 'requireAuthenticator'] as const

/** Roles, behind the door to administration. */
export const RolesDesk = atAdministration(RolesPage)

/** Which role may do what on which channel, and the question of one member's rights. */
function RolesPage() {
  const roles = useQuery({ queryKey: ['roles'], queryFn: () => authority.request<RoleInfo[]>('GET', routes.roles) })
  const channels = useQuery({
    queryKey: ['channel-list'],
    queryFn: () => authority.request<ChannelInfo[]>('GET', routes.channels),
  })
  const [editing, setEditing] = useState<RoleInfo | 'new' | null>(null)
  const [cell, setCell] = useState<{ role: RoleInfo; channel: ChannelInfo } | null>(null)
  const [question, setQuestion] = useState<Question | null>(null)
  const { failure, run } = useRequest()
  const changed = () => void roles.refetch()
  const remove = ({ id, name }: RoleInfo) =>
    setQuestion({
      sentence: text.sureRemove(name),
      label: text.remove,
      answer: () =>
        run(async () => {
          await authority.request('DELETE', at(routes.role, id))
          await roles.refetch()
        }),
    })
  const columns = channels.data ?? []
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">
          {text.title}
        </Title>
        <Button onClick={() => setEditing('new')}>{text.create}</Button>
      </Group>
      <Text size="sm">{text.intro}</Text>
      <FailureAlert failure={failure} />
      <ReadTable
        queries={[roles, channels]}
        minWidth={300 + columns.length * 170}
        columns={[text.role, ...columns.map(({ name }) => name), '']}
        empty={text.empty}
        rows={
          channels.data &&
          roles.data?.map((role) => (
            <Table.Tr key={role.id}>
              <Table.Th scope="row">
                <Text size="sm" fw={500}>
                  {role.name}
                </Text>
                <Text size="xs">{text.members(role.members)}</Text>
                <Group gap={4} mt={4}>
                  {flags
                    .filter((flag) => role[flag])
                    .map((flag) => (
                      <Badge key={flag} size="sm" variant="light" color="grape" tt="none">
                        {text.flags[flag]}
                      </Badge>
                    ))}
                </Group>
              </Table.Th>
              {columns.map((channel) => (
                <Table.Td key={channel.id}>
                  <Cell role={role} channel={channel} open={() => setCell({ role, channel })} />
                </Table.Td>
              ))}
              <Table.Td>
                <Menu position="bottom-end" withinPortal>
                  <Menu.Target>
                    <Button size="xs" variant="default" aria-label={messages.people.actions(role.name)}>
                      …
                    </Button>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <Menu.Item onClick={() => setEditing(role)}>{text.edit(role.name)}</Menu.Item>
                    <Menu.Item color="red" onClick={() => remove(role)}>
                      {text.remove}
                    </Menu.Item>
                  </Menu.Dropdown>
                </Menu>
              </Table.Td>
            </Table.Tr>
          ))
        }
      />
      <RightsCard />
      {editing && (
        <RoleModal role={editing === 'new' ? null : editing} close={() => setEditing(null)} changed={changed} />
      )}
      {cell && <GrantModal {...cell} close={() => setCell(null)} changed={changed} />}
      <ConfirmModal question={question} close={() => setQuestion(null)} />
    </Stack>
  )
}

function Cell({ role, channel, open }: { role: RoleInfo; channel: ChannelInfo; open: () => void }) {
  const granted = role.grants.filter((grant) => grant.channel === channel.name)
  const rights = granted.map(({ right, filters }) => (filters ? text.publishPart : text[right]))
  if (role.monitor) {
    return (
      <Badge variant="light" color="gray" tt="none">
        {text.sealed}
      </Badge>
    )
  }
  return (
    <Button
      variant={rights.length === 0 ? 'subtle' : 'light'}
      color={rights.length === 0 ? 'gray' : 'teal'}
      size="compact-sm"
      fw={400}
      aria-label={text.cell(role.name, channel.name, rights.join(', ') || text.nothing)}
      onClick={open}
    >
      {rights.join(', ') || '—'}
    </Button>
  )
}
