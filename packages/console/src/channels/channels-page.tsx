import { Button, Group, Menu, Stack, Table, Text, Title } from '@mantine/core'
import type { ChannelInfo, DeploymentInfo, RoleInfo } from '@sealmq/protocol/api'
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
import { ageText } from './age.ts'
import { ChannelModal } from './channel-modal.tsx'

const text = messages.channels

/** Channels, behind the door to administration. */
export const ChannelsDesk = atAdministration(ChannelsPage)

/** The channels with who may use them, and their epochs. */
function ChannelsPage() {
  const channels = useQuery({
    queryKey: ['channels'],
    queryFn: async () => {
      const [list, { time }] = await Promise.all([
        authority.request<ChannelInfo[]>('GET', routes.channels),
        authority.request<DeploymentInfo>('GET', routes.deployment),
      ])
      // Ages by the authority's clock: this machine's may be wrong.
      return list.map((channel) => ({ ...channel, age: Math.max(0, time - channel.epochStartedAt) }))
    },
    refetchInterval: 15_000,
  })
  const roles = useQuery({
    queryKey: ['roles'],
    queryFn: () => authority.request<RoleInfo[]>('GET', routes.roles),
  })
  const [editing, setEditing] = useState<ChannelInfo | 'new' | null>(null)
  const [question, setQuestion] = useState<Question | null>(null)
  const { busy, failure, run } = useRequest()
  const rolesWith = (channel: string, right: 'publish' | 'subscribe') =>
    (roles.data ?? [])
      .filter(({ grants }) => grants.some((grant) => grant.channel === channel && grant.right === right))
      .map(({ name }) => name)
  const rotate = ({ id, name }: ChannelInfo) => {
    const concerned = [...new Set([...rolesWith(name, 'publish'), ...rolesWith(name, 'subscribe')])]
    setQuestion({
      sentence: text.sureRotate(name, concerned.join(', ') || text.nobody),
      label: text.rotate,
      answer: () =>
        run(async () => {
          await authority.request('POST', at(routes.rotate, id))
          await channels.refetch()
        }),
    })
  }
  const remove = ({ id, name }: ChannelInfo) =>
    setQuestion({
      sentence: messages.channelForm.sureRemove(name),
      label: messages.channelForm.remove,
      answer: () =>
        run(async () => {
          await authority.request('DELETE', at(routes.channel, id))
          await channels.refetch()
        }),
    })
  const shown = roles.data && channels.data
  return (
    <Stack>
      <Group justify="space-between">
        <Title order={1} size="h2">
          {text.title}
        </Title>
        <Button onClick={() => setEditing('new')}>{messages.channelForm.create}</Button>
      </Group>
      <FailureAlert failure={failure} />
      <ReadTable
        queries={[channels, roles]}
        minWidth={820}
        columns={[text.channel, text.publishers, text.subscribers, text.sealing, text.audit, text.epoch, '']}
        empty={text.empty}
        rows={shown?.map((channel) => (
          <Table.Tr key={channel.id}>
            <Table.Td>
              <Text size="sm" fw={500}>
                {channel.name}
              </Text>
              <Text size="xs" ff="monospace">
                {channel.filters.join(', ')}
              </Text>
            </Table.Td>
            <Table.Td>{rolesWith(channel.name, 'publish').join(', ') || text.nobody}</Table.Td>
            <Table.Td>{rolesWith(channel.name, 'subscribe').join(', ') || text.nobody}</Table.Td>
            <Table.Td>
              <Text size="sm">{channel.suite}</Text>
              <Text size="xs">
                {channel.kind}, {channel.signing}
              </Text>
            </Table.Td>
            <Table.Td>{text.levels[channel.audit]}</Table.Td>
            <Table.Td>
              <Text size="sm">{channel.epoch}</Text>
              <Text size="xs">{text.since(ageText(channel.age))}</Text>
            </Table.Td>
            <Table.Td>
              <Group gap="xs" wrap="nowrap" justify="flex-end">
                <Button
                  size="xs"
                  variant="default"
                  loading={busy}
                  aria-label={text.rotateName(channel.name)}
                  onClick={() => rotate(channel)}
                >
                  {text.rotate}
                </Button>
                <Menu position="bottom-end" withinPortal>
                  <Menu.Target>
                    <Button size="xs" variant="default" aria-label={messages.people.actions(channel.name)}>
                      …
                    </Button>
                  </Menu.Target>
                  <Menu.Dropdown>
                    <Menu.Item onClick={() => setEditing(channel)}>{messages.channelForm.change}</Menu.Item>
                    <Menu.Item color="red" onClick={() => remove(channel)}>
                      {messages.channelForm.remove}
                    </Menu.Item>
                  </Menu.Dropdown>
                </Menu>
              </Group>
            </Table.Td>
          </Table.Tr>
        ))}
      />
      {editing && (
        <ChannelModal
          channel={editing === 'new' ? null : editing}
          close={() => setEditing(null)}
          changed={() => void channels.refetch()}
        />
      )}
      <ConfirmModal question={question} close={() => setQuestion(null)} />
    </Stack>
  )
}
