import { Button, Code, Group, List, Loader, Stack, Text, Title } from '@mantine/core'
import type { ChannelInfo, Factors, MailTestResult, Me } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { useState } from 'react'
import { authority } from '../authority/authority.ts'
import { Desk, isAdministrator } from '../layout/desk.tsx'
import { FailureAlert, ReadFailure } from '../layout/failure-alert.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { firstStepsMessages as text } from '../messages/english-first-steps.ts'
import { FirstMessage } from './first-message.tsx'
import { FirstStep } from './first-step.tsx'

/** First steps, behind the door to administration. */
export function FirstStepsDesk() {
  return (
    <Desk door="administration" color="grape" admits={isAdministrator}>
      {(me) => <FirstStepsPage me={me} />}
    </Desk>
  )
}

/** What an administrator does first, in the order in which it is of use. */
function FirstStepsPage({ me }: { me: Me }) {
  const factors = useQuery({
    queryKey: ['factors'],
    queryFn: () => authority.request<Factors>('GET', routes.factors),
  })
  const channels = useQuery({
    queryKey: ['channels', 'list'],
    queryFn: () => authority.request<ChannelInfo[]>('GET', routes.channels),
  })
  const [mailed, setMailed] = useState<MailTestResult | null>(null)
  const { busy, failure, run } = useRequest()
  const sendMail = () =>
    run(async () => setMailed(await authority.request<MailTestResult>('POST', routes.mailTest, { email: me.email })))
  const error = factors.error ?? channels.error
  if (error)
    return <ReadFailure error={error} again={() => void Promise.all([factors.refetch(), channels.refetch()])} />
  if (!factors.data || !channels.data) return <Loader aria-label={messages.loading} />
  return (
    <Stack maw={860}>
      <Title order={1} size="h2">
        {text.title}
      </Title>
      <Text>{text.intro}</Text>
      <FirstStep title={text.authenticator.title} done={factors.data.secondFactor === 'totp'}>
        <Text size="sm">{text.authenticator.text}</Text>
        <Group>
          <Button component={Link} to="/account" variant="default">
            {text.authenticator.go}
          </Button>
        </Group>
      </FirstStep>
      <FirstStep title={text.mail.title} done={mailed !== null}>
        <Text size="sm">{text.mail.text}</Text>
        <FailureAlert failure={failure} />
        <Text size="sm" role="status">
          {mailed && (mailed.transport === 'smtp' ? text.mail.smtp : text.mail.outbox(mailed.file ?? ''))}
        </Text>
        <Group>
          <Button variant="default" loading={busy} onClick={() => void sendMail()}>
            {text.mail.send}
          </Button>
        </Group>
      </FirstStep>
      <FirstStep title={text.channels.title} done={channels.data.length > 0}>
        <Text size="sm">{text.channels.text}</Text>
        <List size="sm">
          {channels.data.map(({ id, name, filters }) => (
            <List.Item key={id}>
              {name} <Code>{filters.join(', ')}</Code>
            </List.Item>
          ))}
        </List>
        <Group>
          <Button component={Link} to="/admin/channels" variant="default">
            {text.channels.go}
          </Button>
        </Group>
      </FirstStep>
      <FirstMessage topic={ownTopic(me, channels.data)} />
    </Stack>
  )
}

/** A topic on which this member may publish and subscribe; null for none. */
function ownTopic({ grants }: Me, channels: readonly ChannelInfo[]): string | null {
  const may = (name: string, asked: 'publish' | 'subscribe') =>
    grants.some(({ channel, right }) => channel === name && right === asked)
  return (
    channels
      // A command could move a machine.
      .filter(({ name, kind }) => kind === 'telemetry' && may(name, 'publish') && may(name, 'subscribe'))
      .flatMap(({ filters }) => filters)
      .find((filter) => !/[+#]/.test(filter)) ?? null
  )
}
