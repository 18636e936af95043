import { Badge, Button, Card, Group, Loader, Stack, Text, Title } from '@mantine/core'
import type { SessionInfo } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQuery } from '@tanstack/react-query'
import { at, authority } from '../authority/authority.ts'
import { FailureAlert, ReadFailure } from '../layout/failure-alert.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.account

/** Where this member is signed in, and the way to end it. */
export function SessionsCard() {
  const sessions = useQuery({
    queryKey: ['sessions'],
    queryFn: () => authority.request<SessionInfo[]>('GET', routes.sessions),
  })
  const { busy, failure, run } = useRequest()
  const end = (path: string) =>
    run(async () => {
      await authority.request('DELETE', path)
      await sessions.refetch()
    })
  return (
    <Card withBorder>
      <Stack>
        <Title order={2} size="h4">
          {text.sessions}
        </Title>
        {sessions.isPending && <Loader size="sm" aria-label={messages.loading} />}
        {sessions.isError && <ReadFailure error={sessions.error} again={() => void sessions.refetch()} />}
        {sessions.data?.map(({ id, current, client, address, lastUsedAt }) => (
          <Group key={id} justify="space-between" wrap="nowrap">
            <div>
              <Group gap="xs">
                <Text size="sm" lineClamp={1}>
                  {client || '—'}
                </Text>
                {current && (
                  <Badge size="sm" variant="light" tt="none">
                    {text.thisSession}
                  </Badge>
                )}
              </Group>
              <Text size="xs">{text.lastUsed(new Date(lastUsedAt).toLocaleString(), address)}</Text>
            </div>
            {!current && (
              <Button size="xs" variant="default" loading={busy} onClick={() => void end(at(routes.session, id))}>
                {text.end}
              </Button>
            )}
          </Group>
        ))}
        <FailureAlert failure={failure} />
        {sessions.data && sessions.data.length > 1 && (
          <Group>
            <Button variant="default" loading={busy} onClick={() => void end(routes.sessions)}>
              {text.endOthers}
            </Button>
          </Group>
        )}
      </Stack>
    </Card>
  )
}
