import { Alert, Button, Card, Group, SegmentedControl, Stack, Text, Title } from '@mantine/core'
import type { RightsAnswer } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { TextField } from '../layout/text-field.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.roles

/** May X do Y on Z, and by which rule? The authority answers, by the predicates that its broker decides by. */
export function RightsCard() {
  const [form, setForm] = useState({ member: '', action: 'publish', topic: '' })
  const [answer, setAnswer] = useState<RightsAnswer | null>(null)
  const { busy, failure, run } = useRequest()
  const change = (part: Partial<typeof form>) => {
    setAnswer(null)
    setForm((now) => ({ ...now, ...part }))
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setAnswer(null)
    void run(async () => {
      const query = new URLSearchParams({ ...form, member: form.member.trim() })
      setAnswer(await authority.request<RightsAnswer>('GET', `${routes.rights}?${query}`))
    })
  }
  return (
    <Card withBorder>
      <form onSubmit={submit}>
        <Stack>
          <div>
            <Title order={2} size="h4">
              {text.ask}
            </Title>
            <Text size="sm">{text.askIntro}</Text>
          </div>
          <Group align="end">
            <TextField
              label={text.who}
              placeholder="ada@plant.example"
              autoComplete="off"
              autoCapitalize="none"
              maxLength={254}
              value={form.member}
              onChange={(member) => change({ member })}
            />
            <SegmentedControl
              aria-label={text.does}
              value={form.action}
              onChange={(action) => change({ action })}
              data={[
                { value: 'publish', label: text.publish },
                { value: 'subscribe', label: text.subscribe },
              ]}
            />
            <TextField
              label={text.topic}
              placeholder="iot/sensor"
              autoComplete="off"
              autoCapitalize="none"
              maxLength={1024}
              value={form.topic}
              onChange={(topic) => change({ topic })}
            />
            <Button type="submit" loading={busy}>
              {text.answer}
            </Button>
          </Group>
          <FailureAlert failure={failure} />
          {answer && (
            <Alert color={answer.allowed ? 'teal' : 'red'} role="status">
              <Text size="sm">{sentence(answer)}</Text>
              {answer.allowed && form.action === 'subscribe' && !answer.opens && (
                <Text size="sm">{text.sealedOnly}</Text>
              )}
            </Alert>
          )}
        </Stack>
      </form>
    </Card>
  )
}

function sentence({ channel, rule, roles }: RightsAnswer): string {
  if (channel === null) return text.no(rule ?? '')
  return roles.length === 0 ? text.yesTogether(channel) : text.yes(channel, roles.join(', '))
}
