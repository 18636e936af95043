import { Button, Loader, Stack, Table, Text, Title } from '@mantine/core'
import type { ChannelInfo, DeploymentInfo, RoleInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { at, authority } from '../authority/authority.ts'
import { ConfirmModal, type Question } from '../layout/confirm-modal.tsx'
import { FailureAlert, ReadFailure } from '../layout/failure-alert.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { ageText } from './age.ts'

const text = messages.channels

/** The channels with who may use them, and their epochs. */
export function ChannelsPage() {
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
  const error = channels.error ?? roles.error
  return (
    <Stack>
      <Title order={1} size="h2">
        {text.title}
      </Title>
      <FailureAlert failure={failure} />
      {(channels.isPending || roles.isPending) && <Loader aria-label={messages.loading} />}
      {error && <ReadFailure error={error} again={() => void Promise.all([channels.refetch(), roles.refetch()])} />}
      {channels.data?.length === 0 && <Text>{text.empty}</Text>}
      {channels.data && channels.data.length > 0 && roles.data && (
        <Table.ScrollContainer minWidth={820}>
          <Table verticalSpacing="sm" highlightOnHover>
            <Table.Thead>
              <Table.Tr>
                <Table.Th>{text.channel}</Table.Th>
                <Table.Th>{text.publishers}</Table.Th>
                <Table.Th>{text.subscribers}</Table.Th>
                <Table.Th>{text.sealing}</Table.Th>
                <Table.Th>{text.audit}</Table.Th>
                <Table.Th>{text.epoch}</Table.Th>
                <Table.Th />
              </Table.Tr>
            </Table.Thead>
            <Table.Tbody>
              {channels.data.map((channel) => (
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
                    <Button
                      size="xs"
                      variant="default"
                      loading={busy}
                      aria-label={text.rotateName(channel.name)}
                      onClick={() => rotate(channel)}
                    >
                      {text.rotate}
                    </Button>
                  </Table.Td>
                </Table.Tr>
              ))}
            </Table.Tbody>
          </Table>
        </Table.ScrollContainer>
      )}
      <ConfirmModal question={question} close={() => setQuestion(null)} />
    </Stack>
  )
}
