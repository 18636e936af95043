import { Alert, Button, Card, Code, FileInput, Group, List, Progress, Stack, Text, Title } from '@mantine/core'
import type { VerificationReport } from '@sealmq/audit-log'
import { useRef, useState } from 'react'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'
import { verifyLog } from './verify-log.ts'

const text = messages.audit

/** Proves in this browser that the log is whole, or says where it is not. */
export function VerifyCard() {
  const [checkpoint, setCheckpoint] = useState<File | null>(null)
  const [progress, setProgress] = useState<{ records: number; total: number } | null>(null)
  const [report, setReport] = useState<VerificationReport | null>(null)
  const { busy, failure, run } = useRequest()
  const stop = useRef(new AbortController())
  const verify = () =>
    run(async () => {
      setReport(null)
      stop.current = new AbortController()
      const kept = checkpoint === null ? [] : [await checkpoint.text()]
      try {
        setReport(await verifyLog(kept, (records, total) => setProgress({ records, total }), stop.current.signal))
      } finally {
        setProgress(null)
      }
    })
  return (
    <Card withBorder>
      <Stack>
        <div>
          <Title order={2} size="h4">
            {text.verifyTitle}
          </Title>
          <Text size="sm">{text.verifyIntro}</Text>
        </div>
        <Group align="end">
          <FileInput
            label={text.kept}
            placeholder={text.keptNone}
            clearable
            clearButtonProps={{ 'aria-label': text.keptClear }}
            value={checkpoint}
            onChange={setCheckpoint}
            miw={260}
          />
          <Button loading={busy} onClick={() => void verify()}>
            {text.verify}
          </Button>
          {busy && (
            <Button variant="default" onClick={() => stop.current.abort()}>
              {messages.cancel}
            </Button>
          )}
        </Group>
        {progress && progress.total > 0 && (
          <Progress value={(100 * progress.records) / progress.total} aria-label={text.progress} />
        )}
        <FailureAlert failure={failure} />
        {report && <Verdict report={report} />}
      </Stack>
    </Card>
  )
}

function Verdict({ report }: { report: VerificationReport }) {
  const { findings, moreFindings, notes, size, proved, key, root, outside } = report
  const isWhole = findings.length === 0
  const isCompared = outside.some(({ ok }) => ok === true)
  return (
    <Alert
      color={isWhole ? 'teal' : 'red'}
      role="status"
      title={isWhole ? text.whole(size, proved ?? 0) : text.broken(findings.length + moreFindings)}
    >
      <Stack gap="xs">
        {isWhole && <Text size="sm">{isCompared ? text.compared : text.notCompared}</Text>}
        {!isWhole && (
          <List size="sm">
            {findings.slice(0, 20).map((finding) => (
              <List.Item key={`${finding.line} ${finding.message}`}>{finding.message}</List.Item>
            ))}
          </List>
        )}
        {findings.length + moreFindings > 20 && (
          <Text size="sm">{text.moreFindings(findings.length + moreFindings - 20)}</Text>
        )}
        {notes
          .filter(({ code }) => code !== 'no-outside-checkpoint')
          .map((note) => (
            <Text size="sm" key={`${note.line} ${note.message}`}>
              {note.message}
            </Text>
          ))}
        {key && (
          <Text size="xs">
            {text.key} <Code>{key}</Code>
          </Text>
        )}
        {root && (
          <Text size="xs">
            {text.root} <Code>{root}</Code>
          </Text>
        )}
      </Stack>
    </Alert>
  )
}
