import { Alert, Button, Card, Group, Loader, SimpleGrid, Stack, Table, Text, Title } from '@mantine/core'
import type { BrokerStatus, MailTestResult, SystemStatus } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, lazy, type ReactNode, Suspense, useState } from 'react'
import { atAdministration } from '../administration/administration-desk.tsx'
import { authority } from '../authority/authority.ts'
import { ageText } from '../channels/age.ts'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { ReadState, ReadTable } from '../layout/read-table.tsx'
import { TextField } from '../layout/text-field.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { useSamples } from './use-samples.ts'

const text = messages.system
const RateChart = lazy(() => import('./rate-chart.tsx'))

/** The system, behind the door to administration. */
export const SystemDesk = atAdministration(SystemPage)

/** How authority, broker, store, mail and audit log do. */
function SystemPage() {
  const system = useQuery({
    queryKey: ['system'],
    // What this machine's clock showed when the answer came.
    queryFn: async () => ({ ...(await authority.request<SystemStatus>('GET', routes.system)), here: Date.now() }),
    refetchInterval: 5000,
  })
  const broker = useQuery({
    queryKey: ['broker'],
    queryFn: () => authority.request<BrokerStatus>('GET', routes.broker),
    refetchInterval: 5000,
  })
  const samples = useSamples(system.data)
  const { data } = system
  const charts = [
    [text.messages, samples.messages],
    [text.refused, samples.refused],
    [text.connections, samples.connections],
  ] as const
  return (
    <Stack>
      <Title order={1} size="h2">
        {text.title}
      </Title>
      <ReadState queries={[system, broker]} />
      {data && (
        <>
          <SimpleGrid cols={{ base: 1, md: 3 }} aria-label={text.charts}>
            <Suspense fallback={<Loader aria-label={messages.loading} />}>
              {charts.map(([label, values]) => (
                <RateChart key={label} label={label} times={samples.times} values={values} />
              ))}
            </Suspense>
          </SimpleGrid>
          <SimpleGrid cols={{ base: 1, sm: 2, lg: 3 }}>
            <Facts title={text.authority}>
              <Fact name={text.version}>{`${data.version}, Node.js ${data.runtime}`}</Fact>
              <Fact name={text.running}>{ageText(Math.max(0, data.time - data.startedAt))}</Fact>
              <Fact name={text.clock}>
                {new Date(data.time).toLocaleString()}, {clockText(data.here - data.time)}
              </Fact>
            </Facts>
            {broker.data && <BrokerCard broker={broker.data} readAgain={broker.refetch} />}
            <Facts title={text.store}>
              <Fact name={text.store}>{text.engine[data.store.engine]}</Fact>
              <Fact name={text.revision}>{data.store.revision}</Fact>
              {data.store.diskFree !== null && (
                <Fact name={text.diskFree}>{`${(data.store.diskFree / 1e9).toFixed(1)} GB`}</Fact>
              )}
            </Facts>
            <MailCard mail={data.mail} readAgain={system.refetch} />
            <Facts title={text.audit}>
              <Fact name={text.records}>{data.audit.records}</Fact>
              <Fact name={text.checkpoint}>
                {data.audit.checkpoint === null
                  ? text.none
                  : text.ago(ageText(Math.max(0, data.time - data.audit.checkpoint.time)))}
              </Fact>
              {data.audit.publishFailures.map(({ place, failures }) => (
                <Fact key={place} name={`${text.failures} (${place})`}>
                  {failures}
                </Fact>
              ))}
            </Facts>
          </SimpleGrid>
          <Title order={2} size="h4">
            {text.settings}
          </Title>
          <ReadTable
            queries={[]}
            minWidth={520}
            columns={[text.setting, text.value, text.origin]}
            empty={text.noSettings}
            rows={data.settings.map(({ name, value, origin }) => (
              <Table.Tr key={name}>
                <Table.Td>{name}</Table.Td>
                <Table.Td>
                  <Text size="sm" ff="monospace">
                    {value || '—'}
                  </Text>
                </Table.Td>
                <Table.Td>
                  <Text size="sm" fw={origin === 'default' ? 400 : 600}>
                    {text.origins[origin]}
                  </Text>
                </Table.Td>
              </Table.Tr>
            ))}
          />
        </>
      )}
    </Stack>
  )
}

function BrokerCard({ broker, readAgain }: { broker: BrokerStatus; readAgain: () => unknown }) {
  const { busy, failure, run } = useRequest()
  const reconcile = () =>
    run(async () => {
      await authority.request('POST', routes.brokerReconcile)
      await readAgain()
    })
  const told = [...broker.warnings, ...broker.drift]
  return (
    <Facts title={text.broker}>
      <Fact name={text.broker}>
        {text.kinds[broker.name]}
        {broker.version && ` ${broker.version}`}
      </Fact>
      <Fact name={text.address}>{broker.address}</Fact>
      <Fact name={text.connected}>{broker.connected ? text.yes : text.no}</Fact>
      <Fact name={text.rights}>{text.rightsOf[broker.rights]}</Fact>
      <Fact name={text.waiting}>{broker.waiting}</Fact>
      {told.length > 0 && (
        <Alert color="orange">
          {told.map((sentence) => (
            <Text size="sm" key={sentence}>
              {sentence}
            </Text>
          ))}
        </Alert>
      )}
      <FailureAlert failure={failure} />
      {broker.name !== 'embedded' && (
        <Group>
          <Button size="xs" variant="default" loading={busy} onClick={() => void reconcile()}>
            {text.reconcile}
          </Button>
        </Group>
      )}
    </Facts>
  )
}

function MailCard({ mail, readAgain }: { mail: SystemStatus['mail']; readAgain: () => unknown }) {
  const [email, setEmail] = useState('')
  const [result, setResult] = useState<MailTestResult | null>(null)
  const { busy, failure, run } = useRequest()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setResult(null)
    void run(async () => {
      setResult(await authority.request<MailTestResult>('POST', routes.mailTest, { email: email.trim() }))
      await readAgain()
    })
  }
  return (
    <Facts title={text.mail}>
      <Fact name={text.mail}>{text.transports[mail.transport]}</Fact>
      <Fact name={text.mailWaiting}>{mail.waiting}</Fact>
      <Fact name={text.lastFailure}>
        {mail.lastFailure === null
          ? text.none
          : `${new Date(mail.lastFailure.time).toLocaleString()}: ${mail.lastFailure.reason}`}
      </Fact>
      <form onSubmit={submit}>
        <Stack gap="xs">
          <Group align="end" wrap="nowrap">
            <TextField
              label={text.testMail}
              type="email"
              size="xs"
              maxLength={254}
              autoComplete="email"
              flex={1}
              value={email}
              onChange={setEmail}
            />
            <Button type="submit" size="xs" variant="default" loading={busy}>
              {text.test}
            </Button>
          </Group>
          <FailureAlert failure={failure} />
          {result && (
            <Text size="sm" role="status">
              {result.file === null ? text.testSent : text.testFile(result.file)}
            </Text>
          )}
        </Stack>
      </form>
    </Facts>
  )
}

function Facts({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Card withBorder>
      <Stack gap="xs">
        <Title order={2} size="h4">
          {title}
        </Title>
        {children}
      </Stack>
    </Card>
  )
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <Group justify="space-between" wrap="nowrap" align="start">
      <Text size="sm">{name}</Text>
      <Text size="sm" fw={500} ta="right" style={{ overflowWrap: 'anywhere' }}>
        {children}
      </Text>
    </Group>
  )
}

/** @param ahead of this machine, ms */
function clockText(ahead: number): string {
  const seconds = Math.round(Math.abs(ahead) / 1000)
  // The way of the answer takes its time.
  if (seconds <= 2) return text.clockSame
  return ahead > 0 ? text.clockAhead(seconds) : text.clockBehind(seconds)
}
