import { Alert, Button, Group, Kbd, Loader, NumberInput, Paper, Stack, Text, TextInput, Title } from '@mantine/core'
import { useHotkeys } from '@mantine/hooks'
import { useEffect, useRef, useState, useSyncExternalStore } from 'react'
import { ConfirmModal, type Question } from '../layout/confirm-modal.tsx'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { messages } from '../messages/english.ts'
import { publisherMessages as text } from '../messages/english-publisher.ts'
import { subscriberMessages } from '../messages/english-subscriber.ts'
import { ConnectionBar } from '../subscriber/connection-bar.tsx'
import type { PublishAsk } from '../worker/protocol.ts'
import { deskWorker, useDesk } from '../worker/use-desk.ts'
import {
  beginning,
  channelOfTopic,
  type Draft,
  emptyDraft,
  type GrantedFilter,
  grantedFilters,
  hasWildcard,
  payloadFault,
  propertiesOf,
  responseTopicFault,
  typedBytes,
  userPropertyFault,
} from './draft.ts'
import { EnvelopeDrawer } from './envelope-drawer.tsx'
import { Options } from './options.tsx'
import { OutcomeList } from './outcome-list.tsx'
import { type Outcome, OutcomeLog } from './outcome-log.ts'
import { faultText, PayloadEditor } from './payload-editor.tsx'
import classes from './publisher.module.css'
import { TemplatesModal } from './templates-modal.tsx'
import { TopicList } from './topic-list.tsx'
import { useRepeat } from './use-repeat.ts'
import { useTopicRule } from './use-topic-rule.ts'

const shortestRepeat = 20

/** Seals and sends what a member writes, and tells what became of it. */
export function PublishPage() {
  const desk = useDesk('browser')
  const { connection } = desk
  const { channels } = connection
  const granted = grantedFilters(channels)
  const isOpen = connection.stage === 'open'
  return (
    <Stack gap="sm">
      <Group justify="space-between">
        <Title order={1} size="h2">
          {text.title}
        </Title>
        <ConnectionBar connection={connection} rate={desk.rate} />
      </Group>
      {desk.opening && !isOpen && (
        <Group role="status">
          <Loader size="sm" aria-label={messages.loading} />
          <Text size="sm">{subscriberMessages.opening}</Text>
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
      {connection.fault && <FailureAlert failure={subscriberMessages.ended(connection.fault.message)} />}
      {isOpen && granted.length === 0 && <Alert color="blue">{text.noChannel}</Alert>}
      {isOpen && granted.length > 0 && <Writing granted={granted} connection={connection} />}
    </Stack>
  )
}

function Writing({
  granted,
  connection,
}: {
  granted: readonly GrantedFilter[]
  connection: ReturnType<typeof useDesk>['connection']
}) {
  const { channels, time, protocolVersion } = connection
  const [draft, setDraft] = useState<Draft>(emptyDraft)
  const [chosen, setChosen] = useState<string | null>(null)
  const [file, setFile] = useState<File | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [question, setQuestion] = useState<Question | null>(null)
  const [shown, setShown] = useState<Outcome | null>(null)
  const [isTemplating, setTemplating] = useState(false)
  const [interval, setInterval] = useState<number | string>(1000)
  const [log] = useState(() => new OutcomeLog((run, ms) => setTimeout(run, ms)))
  const outcomes = useSyncExternalStore(log.listen, log.shown)
  const repeat = useRepeat()
  const topicField = useRef<HTMLInputElement>(null)
  const rule = useTopicRule(draft.topic, channels)
  const channel = channelOfTopic(channels, draft.topic)
  const isCommand = channel?.kind === 'command'
  // What a channel is may change while messages are sent again and again.
  const channelsNow = useRef(channels)
  useEffect(() => {
    channelsNow.current = channels
  }, [channels])
  const change = (changed: Partial<Draft>) => {
    setDraft((before) => ({ ...before, ...changed }))
    setFailure(null)
  }
  const choose = ({ filter }: GrantedFilter) => {
    setChosen(filter)
    change({ topic: beginning(filter) })
    topicField.current?.focus()
  }

  /** The message as it is now; null, and why, when it is none. */
  const asked = async (): Promise<PublishAsk | null> => {
    const fault = payloadFault(draft)
    const wrongProperty = protocolVersion === 5 ? mqtt5Fault(draft) : null
    if (draft.topic === '') return refuse(text.missingTopic)
    if (fault) return refuse(faultText(fault))
    if (wrongProperty) return refuse(wrongProperty)
    if (draft.form === 'file' && !file) return refuse(text.fileMissing)
    const payload = draft.form === 'file' ? await bytesOf(file!) : typedBytes(draft)
    if (!payload) return refuse(text.fileUnreadable)
    const properties = protocolVersion === 5 ? propertiesOf(draft) : undefined
    const { topic, qos, contentType, timeToLive } = draft
    return {
      topic,
      payload,
      qos,
      retain: draft.retain && !isCommand,
      ...(contentType === '' ? {} : { contentType }),
      ...(timeToLive === '' ? {} : { timeToLive }),
      ...(properties ? { properties } : {}),
    }
  }
  const refuse = (sentence: string): null => {
    setFailure(sentence)
    return null
  }
  const publish = async (ask: PublishAsk): Promise<boolean> => {
    const { topic, qos, payload } = ask
    const id = log.begin({ at: Date.now(), topic, qos, payloadLength: payload.length })
    try {
      await deskWorker().publish(ask, (published) => log.sealed(id, published))
      log.acknowledged(id)
      return true
    } catch (error) {
      const { message, code } = error as Error & { code?: string | null }
      log.refused(id, code ?? null, message)
      return false
    }
  }
  const send = async () => {
    const ask = await asked()
    if (!ask) return
    if (!isCommand) return void publish(ask)
    setQuestion({
      sentence: text.sureCommand(ask.topic, ask.payload.length),
      label: text.sendCommand,
      answer: () => publish(ask),
    })
  }
  const startRepeat = async () => {
    const ask = await asked()
    if (!ask || typeof interval !== 'number') return
    await repeat.start(interval, async () => {
      if (channelOfTopic(channelsNow.current, ask.topic)?.kind === 'command') return false
      return publish(ask)
    })
  }
  const isCovered = question !== null || shown !== null || isTemplating
  useHotkeys([['mod+Enter', () => !isCovered && void send()]], [])

  return (
    <div className={classes.columns}>
      <TopicList granted={granted} chosen={chosen} choose={choose} time={time} />
      <Stack gap="sm" className={classes.writing}>
        <Paper withBorder p="md" component="section" aria-label={text.message}>
          <Stack gap="sm">
            <TextInput
              ref={topicField}
              label={text.topic}
              classNames={{ input: classes.payload }}
              autoCapitalize="none"
              autoComplete="off"
              spellCheck={false}
              value={draft.topic}
              onChange={(event) => change({ topic: event.currentTarget.value })}
              description={chosen !== null && hasWildcard(chosen) ? text.topicHint(chosen) : undefined}
              error={rule}
            />
            {draft.topic !== '' && rule === null && channel && (
              <Text size="xs">{text.topicAllowed(channel.channel)}</Text>
            )}
            <PayloadEditor draft={draft} change={change} file={file} setFile={setFile} />
            <Options draft={draft} change={change} isCommand={isCommand} isMqtt5={protocolVersion === 5} />
            <FailureAlert failure={failure} />
            <Group justify="space-between" align="end">
              <Group gap="xs">
                <Button onClick={() => void send()}>{isCommand ? text.sendCommand : text.send}</Button>
                <Kbd visibleFrom="sm">{text.sendKeys}</Kbd>
                <Button variant="default" onClick={() => setTemplating(true)}>
                  {text.templates}
                </Button>
              </Group>
              {!isCommand && (
                <Group gap="xs" align="end">
                  <NumberInput
                    label={text.repeatEvery}
                    w={160}
                    min={shortestRepeat}
                    max={86_400_000}
                    step={100}
                    allowDecimal={false}
                    disabled={repeat.running}
                    value={interval}
                    onChange={setInterval}
                  />
                  {repeat.running ? (
                    <Button color="red" onClick={repeat.stop}>
                      {text.repeatStop}
                    </Button>
                  ) : (
                    <Button
                      variant="default"
                      disabled={typeof interval !== 'number' || interval < shortestRepeat}
                      onClick={() => void startRepeat()}
                    >
                      {text.repeatStart}
                    </Button>
                  )}
                </Group>
              )}
            </Group>
            <Group justify="space-between" gap="xs">
              <Text size="xs">{isCommand ? text.repeatCommand : text.repeatHint}</Text>
              {(repeat.running || repeat.count > 0) && (
                <Text size="sm" fw={600}>
                  {text.repeatCount(repeat.count)}
                </Text>
              )}
            </Group>
          </Stack>
        </Paper>
        <OutcomeList outcomes={outcomes} isQuiet={repeat.running} show={setShown} />
      </Stack>
      <ConfirmModal question={question} close={() => setQuestion(null)} />
      <EnvelopeDrawer outcome={shown} close={() => setShown(null)} />
      <TemplatesModal
        opened={isTemplating}
        close={() => setTemplating(false)}
        draft={draft}
        use={(used) => {
          setChosen(null)
          change(used)
        }}
      />
    </div>
  )
}

function mqtt5Fault({ responseTopic, userProperties }: Draft): string | null {
  const line = userPropertyFault(userProperties)
  return responseTopicFault(responseTopic) ?? (line === null ? null : text.userPropertyFault(line))
}

async function bytesOf(file: File): Promise<Uint8Array | null> {
  try {
    return new Uint8Array(await file.arrayBuffer())
  } catch {
    return null
  }
}
