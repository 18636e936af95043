import { Alert, Button, Stack, Table, Text, Title } from '@mantine/core'
import type { BrokerClient, BrokerClients } from '@sealmq/protocol/api'
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

const text = messages.clients

/** Connected clients, behind the door to administration. */
export const ClientsDesk = atAdministration(ClientsPage)

/** Who is connected to the broker, as far as it tells. */
function ClientsPage() {
  const clients = useQuery({
    queryKey: ['clients'],
    queryFn: () => authority.request<BrokerClients>('GET', routes.brokerClients),
    refetchInterval: 5000,
  })
  const [question, setQuestion] = useState<Question | null>(null)
  const { failure, run } = useRequest()
  const nameOf = ({ name, member }: BrokerClient) => (member === null ? name : `${member} (${name})`)
  const kick = (client: BrokerClient) =>
    setQuestion({
      sentence: text.sure(nameOf(client)),
      label: text.kick,
      answer: () =>
        run(async () => {
          await authority.request('DELETE', at(routes.brokerClient, String(client.sender)))
          await clients.refetch()
        }),
    })
  const { data } = clients
  return (
    <Stack>
      <Title order={1} size="h2">
        {text.title}
      </Title>
      {data && (
        <Alert color="blue" variant="light">
          {data.apart
            ? text.apart
            : text.embedded(data.protocolVersions.map((version) => text.versions[version] ?? version).join(', '))}
        </Alert>
      )}
      <FailureAlert failure={failure} />
      {data && data.total > 0 && <Text size="sm">{text.shown(data.clients.length, data.total)}</Text>}
      <ReadTable
        queries={[clients]}
        minWidth={760}
        columns={[text.member, text.installation, text.clientId, text.address, text.since, '']}
        empty={text.empty}
        rows={data?.clients.map((client) => (
          <Table.Tr key={`${client.sender} ${client.clientId} ${client.since}`}>
            <Table.Td>{client.member ?? text.gone}</Table.Td>
            <Table.Td>
              <Text size="sm">{client.name}</Text>
              <Text size="xs">{client.sender}</Text>
            </Table.Td>
            <Table.Td>
              <Text size="sm" ff="monospace">
                {client.clientId}
              </Text>
            </Table.Td>
            <Table.Td>{client.address}</Table.Td>
            <Table.Td>{new Date(client.since).toLocaleString()}</Table.Td>
            <Table.Td>
              {data.kick && (
                <Button
                  size="xs"
                  variant="default"
                  aria-label={text.kickName(nameOf(client))}
                  onClick={() => kick(client)}
                >
                  {text.kick}
                </Button>
              )}
            </Table.Td>
          </Table.Tr>
        ))}
      />
      <ConfirmModal question={question} close={() => setQuestion(null)} />
    </Stack>
  )
}
