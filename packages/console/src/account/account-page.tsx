import { Alert, Badge, Button, Card, Group, Stack, Text, Title } from '@mantine/core'
import type { Me } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { NewPassword } from '../layout/new-password.tsx'
import { PasswordField } from '../layout/text-field.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { FactorsCard } from './factors-card.tsx'
import { SessionsCard } from './sessions-card.tsx'

const text = messages.account

/** What a member sees and changes of itself. */
export function AccountPage({ me }: { me: Me }) {
  return (
    <Stack maw={720}>
      <Title order={1} size="h2">
        {text.title}
      </Title>
      {me.state === 'waiting' && <Alert color="yellow">{text.waiting}</Alert>}
      {me.state === 'factor-needed' && <Alert color="yellow">{text.factorNeeded}</Alert>}
      <Card withBorder>
        <Stack gap="xs">
          <Text fw={600}>{me.name}</Text>
          <Text size="sm">{me.email}</Text>
          <Group gap="xs">
            <Text size="sm">{text.roles}:</Text>
            {me.roles.length === 0 && <Text size="sm">{text.noRole}</Text>}
            {me.roles.map(({ id, name }) => (
              <Badge key={id} variant="light" tt="none">
                {name}
              </Badge>
            ))}
          </Group>
        </Stack>
      </Card>
      {me.state === 'active' && <RightsCard grants={me.grants} />}
      <FactorsCard isWaiting={me.state === 'waiting'} />
      {me.state === 'active' && (
        <>
          <PasswordCard />
          <SessionsCard />
        </>
      )}
    </Stack>
  )
}

function RightsCard({ grants }: Pick<Me, 'grants'>) {
  const channels = Map.groupBy(grants, ({ channel }) => channel)
  return (
    <Card withBorder>
      <Title order={2} size="h4" mb="sm">
        {text.rights}
      </Title>
      {channels.size === 0 && <Text size="sm">{text.noRights}</Text>}
      <Stack gap="xs">
        {[...channels].map(([channel, rights]) => (
          <Group key={channel} gap="xs">
            <Text size="sm" ff="monospace" miw={140}>
              {channel}
            </Text>
            {[...new Set(rights.map(({ right }) => right))].map((right) => (
              <Badge key={right} color={right === 'publish' ? 'teal' : 'blue'} variant="light" tt="none">
                {text[right]}
              </Badge>
            ))}
          </Group>
        ))}
      </Stack>
    </Card>
  )
}

function PasswordCard() {
  const [before, setBefore] = useState('')
  const [after, setAfter] = useState('')
  const [done, setDone] = useState(false)
  const { busy, failure, run } = useRequest()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setDone(false)
    void run(async () => {
      await authority.request('POST', routes.password, { password: before, newPassword: after })
      setBefore('')
      setAfter('')
      setDone(true)
    })
  }
  return (
    <Card withBorder>
      <form onSubmit={submit}>
        <Stack>
          <Title order={2} size="h4">
            {text.changePassword}
          </Title>
          <PasswordField label={text.oldPassword} autoComplete="current-password" value={before} onChange={setBefore} />
          <NewPassword label={messages.forgot.newPassword} value={after} onChange={setAfter} />
          <FailureAlert failure={failure} />
          {done && <Text role="status">{text.passwordChanged}</Text>}
          <Group>
            <Button type="submit" loading={busy} variant="default">
              {text.changePassword}
            </Button>
          </Group>
        </Stack>
      </form>
    </Card>
  )
}
