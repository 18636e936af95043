import { Button, Chip, Group, Pill, Stack, Text, TextInput } from '@mantine/core'
import { type FormEvent, useEffect, useState } from 'react'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import type { Connection } from '../worker/protocol.ts'
import { deskWorker } from '../worker/use-desk.ts'

// Channels are subscribed to once for a sender; what its person ends stays ended.
let begun: number | null = null

/** The channels that the role reads, and filters of one's own. */
export function Subscriptions({ connection }: { connection: Connection }) {
  const { stage, sender, channels, subscriptions } = connection
  const [filter, setFilter] = useState('')
  const [failure, setFailure] = useState<string | null>(null)
  const readable = channels.filter(({ subscribe }) => subscribe)
  const asked = new Set(subscriptions.map(({ requested }) => requested))
  const own = subscriptions.filter(({ requested }) => !readable.some(({ filters }) => filters.includes(requested)))
  const narrowed = subscriptions.filter(({ requested, filters }) => filters.join() !== requested)
  const change = (call: 'subscribe' | 'unsubscribe', filters: readonly string[]) => {
    setFailure(null)
    Promise.all(filters.map((one) => deskWorker().ask(call, one))).catch((error: Error) => setFailure(error.message))
  }
  const ready = stage === 'open' && readable.length > 0
  useEffect(() => {
    if (!ready || !sender || begun === sender.id) return
    begun = sender.id
    change(
      'subscribe',
      readable.flatMap(({ filters }) => filters),
    )
  })
  if (!ready) return null
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (filter.trim() !== '') change('subscribe', [filter.trim()])
    setFilter('')
  }
  return (
    <Stack gap="xs">
      <Group gap="xs" align="center">
        {readable.map(({ channel, filters }) => (
          <Chip
            key={channel}
            size="xs"
            checked={filters.some((one) => asked.has(one))}
            onChange={(checked) => change(checked ? 'subscribe' : 'unsubscribe', filters)}
          >
            {channel}
          </Chip>
        ))}
        {own.map(({ requested }) => (
          <Pill
            key={requested}
            withRemoveButton
            removeButtonProps={{ 'aria-label': text.unsubscribe(requested), 'aria-hidden': false, tabIndex: 0 }}
            onRemove={() => change('unsubscribe', [requested])}
          >
            {requested}
          </Pill>
        ))}
        <form onSubmit={submit}>
          <Group gap={4}>
            <TextInput
              size="xs"
              aria-label={text.addFilter}
              placeholder={`${text.addFilter}, iot/#`}
              value={filter}
              onChange={(event) => setFilter(event.currentTarget.value)}
            />
            <Button size="xs" variant="default" type="submit">
              {text.subscribe}
            </Button>
          </Group>
        </form>
      </Group>
      {narrowed.map(({ requested, filters }) => (
        <Text size="xs" key={requested} role="status">
          {text.narrowed(requested, filters.join(', '))}
        </Text>
      ))}
      <FailureAlert failure={failure} />
    </Stack>
  )
}
