import { Alert, Button, Group, Loader, Menu, Stack, Text, TextInput, Title } from '@mantine/core'
import { useDebouncedValue } from '@mantine/hooks'
import { useEffect, useMemo, useState } from 'react'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { messages } from '../messages/english.ts'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import type { View } from '../worker/protocol.ts'
import { deskWorker, look, useDesk } from '../worker/use-desk.ts'
import { ConnectionBar } from './connection-bar.tsx'
import { Feed } from './feed.tsx'
import { MessageDrawer } from './message-drawer.tsx'
import { NotifyButton } from './notify-button.tsx'
import classes from './subscriber.module.css'
import { Subscriptions } from './subscriptions.tsx'
import { TopicTree } from './topic-tree.tsx'

/** What arrives on a member's channels, live. */
export function SubscribePage({ mode }: { mode: 'opened' | 'traffic' }) {
  const desk = useDesk('browser')
  const [topic, setTopic] = useState<string | null>(null)
  const [typed, setTyped] = useState('')
  const [search] = useDebouncedValue(typed, 200)
  const [held, setHeld] = useState<{ until: number; byHand: boolean } | null>(null)
  const [range, setRange] = useState({ offset: 0, count: 60 })
  const [shown, setShown] = useState<number | null>(null)
  const [chart, setChart] = useState<View['chart']>(null)
  const until = held?.until ?? null
  const { offset, count } = range
  const view = useMemo(
    () => ({ topic, search, until, offset, count, chart }),
    [topic, search, until, offset, count, chart],
  )
  useEffect(() => look(view), [view])
  const { connection } = desk
  const readable = connection.channels.filter(({ subscribe }) => subscribe)
  const resume = () => {
    setHeld(null)
    setRange((before) => ({ ...before, offset: 0 }))
  }
  const save = async (format: 'csv' | 'jsonl') => {
    const blob = await deskWorker().ask('export', format)
    const link = document.createElement('a')
    link.href = URL.createObjectURL(blob)
    link.download = `messages.${format}`
    link.click()
    URL.revokeObjectURL(link.href)
  }
  return (
    <Stack gap="sm" className={classes.page}>
      <Group justify="space-between">
        <Title order={1} size="h2">
          {mode === 'opened' ? text.subscribeTitle : text.trafficTitle}
        </Title>
        <ConnectionBar connection={connection} rate={desk.rate} />
      </Group>
      {mode === 'traffic' && <Text size="sm">{text.trafficIntro}</Text>}
      {desk.opening && (
        <Group role="status">
          <Loader size="sm" aria-label={messages.loading} />
          <Text size="sm">{text.opening}</Text>
        </Group>
      )}
      {desk.failure && (
        <Stack align="start">
          <FailureAlert failure={desk.failure} />
          <Button variant="default" onClick={() => void desk.open()}>
            {messages.tryAgain}
          </Button>
        </Stack>
      )}
      {connection.fault && <FailureAlert failure={text.ended(connection.fault.message)} />}
      {connection.stage === 'open' && readable.length === 0 && <Alert color="blue">{text.noChannel}</Alert>}
      <Subscriptions connection={connection} />
      <div className={classes.columns}>
        <TopicTree topics={desk.topics} selected={topic} select={setTopic} />
        <Stack gap="xs" className={classes.feedColumn}>
          <Group gap="xs">
            <TextInput
              aria-label={text.search}
              placeholder={text.search}
              value={typed}
              onChange={(event) => setTyped(event.currentTarget.value)}
              className={classes.search}
            />
            {held === null ? (
              <Button variant="default" onClick={() => setHeld({ until: desk.latest, byHand: true })}>
                {text.pause}
              </Button>
            ) : (
              <Button onClick={resume}>{desk.newer > 0 ? text.newer(desk.newer) : text.resume}</Button>
            )}
            <NotifyButton topic={topic} />
            <Menu>
              <Menu.Target>
                <Button variant="default">{text.export}</Button>
              </Menu.Target>
              <Menu.Dropdown>
                <Menu.Item onClick={() => void save('csv')}>{text.csv}</Menu.Item>
                <Menu.Item onClick={() => void save('jsonl')}>{text.jsonl}</Menu.Item>
              </Menu.Dropdown>
            </Menu>
          </Group>
          <Text size="xs" c="dimmed" role="status">
            {text.shown(desk.fitting + desk.newer, desk.kept)}
            {desk.letGo > 0 && ` · ${text.letGo(desk.letGo)}`}
          </Text>
          <Feed
            rows={desk.rows}
            offset={desk.offset}
            fitting={desk.fitting}
            empty={desk.kept === 0 ? text.empty : text.noMatch}
            mode={mode}
            following={held === null}
            hold={() => setHeld({ until: desk.latest, byHand: false })}
            release={() => {
              if (held && !held.byHand) resume()
            }}
            setRange={setRange}
            show={setShown}
          />
        </Stack>
      </div>
      <MessageDrawer
        id={shown}
        show={setShown}
        close={() => {
          setShown(null)
          setChart(null)
        }}
        chart={desk.chart}
        wanted={chart}
        setChart={setChart}
      />
    </Stack>
  )
}
