import { Button, Code, Drawer, Group, SegmentedControl, Stack, Table, Tabs, Text } from '@mantine/core'
import { lazy, Suspense, useEffect, useState } from 'react'
import { ageText } from '../channels/age.ts'
import { messages } from '../messages/english.ts'
import { subscriberMessages as text } from '../messages/english-subscriber.ts'
import type { ChartData, Detail, View } from '../worker/protocol.ts'
import { deskWorker } from '../worker/use-desk.ts'
import { asJson, asText, differenceOf, hexOf } from './bytes-shown.ts'
import { JsonTree } from './json-tree.tsx'
import classes from './subscriber.module.css'
import { TrustBadge } from './trust-badge.tsx'

const Chart = lazy(() => import('./chart.tsx').then(({ Chart }) => ({ default: Chart })))

interface MessageDrawerProps {
  id: number | null
  show: (id: number) => void
  close: () => void
  chart: ChartData | null
  wanted: View['chart']
  setChart: (chart: View['chart']) => void
}

/** One message with all that is known of it. */
export function MessageDrawer({ id, show, close, chart, wanted, setChart }: MessageDrawerProps) {
  const [detail, setDetail] = useState<Detail | null>(null)
  const [tab, setTab] = useState<string | null>('decoded')
  useEffect(() => {
    if (id === null) return
    let isWanted = true
    deskWorker()
      .ask('detail', id)
      .then((answer) => isWanted && setDetail(answer))
      .catch(() => {})
    return () => {
      isWanted = false
    }
  }, [id])
  const topic = detail?.row.topic ?? null
  const change = (next: string | null) => {
    setTab(next)
    setChart(next === 'chart' && topic !== null ? { topic, fields: [] } : null)
  }
  return (
    <Drawer
      opened={id !== null}
      onClose={close}
      position="right"
      size="lg"
      title={topic ?? text.detail}
      closeButtonProps={{ 'aria-label': messages.close }}
    >
      {detail === null ? (
        <Text>{text.gone}</Text>
      ) : (
        <Stack>
          <Facts detail={detail} />
          <Tabs value={tab} onChange={change} keepMounted={false}>
            <Tabs.List>
              {(['decoded', 'wire', 'difference', 'history', 'chart'] as const).map((name) => (
                <Tabs.Tab key={name} value={name}>
                  {text.tabs[name]}
                </Tabs.Tab>
              ))}
            </Tabs.List>
            <Tabs.Panel value="decoded" pt="sm">
              {detail.payload ? <Decoded payload={detail.payload} /> : <Text size="sm">{notOpened(detail)}</Text>}
            </Tabs.Panel>
            <Tabs.Panel value="wire" pt="sm">
              <Wire detail={detail} />
            </Tabs.Panel>
            <Tabs.Panel value="difference" pt="sm">
              <Difference detail={detail} />
            </Tabs.Panel>
            <Tabs.Panel value="history" pt="sm">
              <History detail={detail} show={show} />
            </Tabs.Panel>
            <Tabs.Panel value="chart" pt="sm">
              <Suspense fallback={<Text>{messages.loading}</Text>}>
                {topic !== null && <Chart topic={topic} data={chart} wanted={wanted} setChart={setChart} />}
              </Suspense>
            </Tabs.Panel>
          </Tabs>
        </Stack>
      )}
    </Drawer>
  )
}

const notOpened = ({ row }: Detail): string => (row.trust === 'gap' ? text.noEnvelope : row.preview)

function Facts({ detail: { row, channel, session, sequence } }: { detail: Detail }) {
  const facts: [string, string][] = [
    [text.received, new Date(row.receivedAt).toLocaleString()],
    ...(row.sealedAt === null ? [] : [[text.sealed, new Date(row.sealedAt).toLocaleString()] as [string, string]]),
    ...(row.sender === '' ? [] : [[text.sender, row.sender] as [string, string]]),
    ...(channel === null ? [] : [[text.channel, channel] as [string, string]]),
    ...(session === null ? [] : [[text.session, `${session}, ${sequence}`] as [string, string]]),
  ]
  return (
    <Stack gap={4}>
      <Group gap="xs">
        <TrustBadge row={row} />
        <Text size="xs">{text.trustHint[row.trust]}</Text>
      </Group>
      <dl className={classes.facts}>
        {facts.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
        {row.retained && row.age !== null && (
          <div>
            <dt>{text.retained(ageText(row.age))}</dt>
          </div>
        )}
      </dl>
    </Stack>
  )
}

function Decoded({ payload }: { payload: Uint8Array }) {
  const json = asJson(payload)
  const [form, setForm] = useState<'text' | 'json' | 'hex' | null>(null)
  const { readable } = asText(payload)
  const shown = form ?? (json ? 'json' : readable ? 'text' : 'hex')
  return (
    <Stack gap="xs">
      <Group justify="space-between">
        <SegmentedControl
          size="xs"
          aria-label={text.as}
          value={shown}
          onChange={(value) => setForm(value as 'text')}
          data={(['text', 'json', 'hex'] as const).map((value) => ({ value, label: text.forms[value] }))}
        />
        <Text size="xs">{text.size(payload.length)}</Text>
      </Group>
      {shown === 'json' && (json ? <JsonTree value={json.value} /> : <Text size="sm">{text.notJson}</Text>)}
      {shown === 'text' && (
        <>
          {!readable && <Text size="xs">{text.notText}</Text>}
          <Part bytes={payload} write={(bytes) => asText(bytes).text} />
        </>
      )}
      {shown === 'hex' && <Part bytes={payload} write={hexOf} />}
    </Stack>
  )
}

const firstPart = 4096

/** The beginning of long bytes, marked as such, with the way to see all. */
function Part({ bytes, write }: { bytes: Uint8Array; write: (bytes: Uint8Array) => string }) {
  const [all, setAll] = useState(false)
  const isCut = !all && bytes.length > firstPart
  return (
    <Stack gap={4} align="start">
      <Code block tabIndex={0} className={classes.bytes}>
        {write(isCut ? bytes.subarray(0, firstPart) : bytes)}
      </Code>
      {isCut && (
        <Group gap="xs">
          <Text size="xs">{text.part(firstPart, bytes.length)}</Text>
          <Button size="compact-xs" variant="default" onClick={() => setAll(true)}>
            {text.showAll}
          </Button>
        </Group>
      )}
    </Stack>
  )
}

function Wire({ detail: { envelope, header, payload } }: { detail: Detail }) {
  if (!envelope) return <Text size="sm">{text.noEnvelope}</Text>
  return (
    <Stack gap="xs">
      {payload && <Text size="sm">{text.overhead(payload.length, envelope.length)}</Text>}
      <Part bytes={envelope} write={hexOf} />
      {header && (
        <>
          <Text size="sm" fw={600}>
            {text.header}
          </Text>
          <Code block tabIndex={0}>
            {JSON.stringify(header, null, 2)}
          </Code>
        </>
      )}
    </Stack>
  )
}

function Difference({ detail: { payload, previous } }: { detail: Detail }) {
  if (!payload || !previous) return <Text size="sm">{payload ? text.noPrevious : text.notOpened}</Text>
  const lines = differenceOf(previous, payload)
  if (lines.every(({ change }) => change === ' ')) return <Text size="sm">{text.same}</Text>
  return (
    <Code block tabIndex={0} className={classes.bytes}>
      {lines.map(({ change, line }, index) => (
        <span key={index} data-change={change} className={classes.change}>
          {`${change} ${line}\n`}
        </span>
      ))}
    </Code>
  )
}

function History({ detail, show }: { detail: Detail; show: (id: number) => void }) {
  return (
    <Table>
      <Table.Tbody>
        {detail.history.map((row) => (
          <Table.Tr key={row.id}>
            <Table.Td>
              <Button
                variant={row.id === detail.row.id ? 'light' : 'subtle'}
                size="compact-xs"
                onClick={() => show(row.id)}
              >
                {new Date(row.sealedAt ?? row.receivedAt).toLocaleTimeString()}
              </Button>
            </Table.Td>
            <Table.Td>
              <TrustBadge row={row} />
            </Table.Td>
            <Table.Td className={classes.historyText}>{row.preview}</Table.Td>
          </Table.Tr>
        ))}
      </Table.Tbody>
    </Table>
  )
}
