import { Badge, Button, Code, Group, Loader, SimpleGrid, Stack, Text } from '@mantine/core'
import { type ReactNode, useEffect, useState } from 'react'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { useRequest } from '../layout/use-request.ts'
import { firstStepsMessages } from '../messages/english-first-steps.ts'
import { subscriberMessages } from '../messages/english-subscriber.ts'
import type { Published, Row } from '../worker/protocol.ts'
import { deskWorker } from '../worker/use-desk.ts'
import { FirstStep } from './first-step.tsx'

const text = firstStepsMessages.message
const payload = text.payload
/** Bytes of the envelope that are shown. */
const shownBytes = 120

/** Seals a message in this tab, publishes it and opens it again. */
export function FirstMessage({ topic }: { topic: string | null }) {
  const { busy, failure, run } = useRequest()
  const [sent, setSent] = useState<Published | null>(null)
  const [opened, setOpened] = useState<Row | null>(null)
  // The opened one may be here before the broker's acknowledgement.
  const [rows, setRows] = useState<readonly Row[]>([])
  useEffect(() => {
    if (!busy && !sent) return
    return deskWorker().onSnapshot((snapshot) => setRows(snapshot.rows))
  }, [busy, sent])
  useEffect(() => {
    const own = sent && rows.find((row) => row.topic === topic && row.sealedAt === sent.sealedAt)
    if (own) setOpened(own)
  }, [rows, sent, topic])
  if (topic === null)
    return (
      <FirstStep title={text.title} done={false}>
        <Text size="sm">{text.none}</Text>
      </FirstStep>
    )
  const send = () =>
    run(async () => {
      setSent(null)
      setOpened(null)
      const worker = deskWorker()
      await worker.ask('open', firstStepsMessages.title)
      await worker.ask('subscribe', topic)
      await worker.ask('look', { topic, search: '', until: null, offset: 0, count: 10, chart: null })
      const bytes = new TextEncoder().encode(payload)
      setSent(await worker.ask('publish', { topic, payload: bytes, qos: 1, retain: false }))
    })
  return (
    <FirstStep title={text.title} done={opened !== null}>
      <Text size="sm">{text.text(topic)}</Text>
      <FailureAlert failure={failure} />
      {sent && (
        <SimpleGrid cols={{ base: 1, sm: 3 }} role="status">
          <Part title={text.wrote}>
            <Text size="sm">{payload}</Text>
          </Part>
          <Part title={text.saw}>
            <Code block style={{ whiteSpace: 'pre-wrap', wordBreak: 'break-all' }}>
              {hexOf(sent.envelope)}
            </Code>
          </Part>
          <Part title={text.opened}>
            {opened ? (
              <>
                <Text size="sm">{opened.preview}</Text>
                <Badge color="teal" variant="light">
                  {subscriberMessages.trust[opened.trust]}
                </Badge>
                {opened.trust === 'sender' && <Text size="xs">{text.proof}</Text>}
              </>
            ) : (
              <Loader size="sm" aria-label={text.waiting} />
            )}
          </Part>
        </SimpleGrid>
      )}
      <Group>
        <Button loading={busy} onClick={() => void send()}>
          {text.send}
        </Button>
      </Group>
    </FirstStep>
  )
}

function Part({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Stack gap={4} align="start">
      <Text size="sm" fw={600}>
        {title}
      </Text>
      {children}
    </Stack>
  )
}

function hexOf(envelope: Uint8Array): string {
  const shown = [...envelope.slice(0, shownBytes)].map((byte) => byte.toString(16).padStart(2, '0')).join('')
  return envelope.length > shownBytes ? `${shown} … (${envelope.length} bytes)` : shown
}
