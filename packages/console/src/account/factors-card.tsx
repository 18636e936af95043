import { Alert, Button, Card, Code, Group, Loader, Stack, Text, Title } from '@mantine/core'
import type { Factors, RecoveryCodes, TotpEnrolment } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { authority } from '../authority/authority.ts'
import { CodeEntry } from '../layout/code-entry.tsx'
import { FailureAlert, ReadFailure } from '../layout/failure-alert.tsx'
import { QrCode } from '../layout/qr-code.tsx'
import { saveText } from '../layout/save-text.ts'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.account

/** The second factor: what it is, an authenticator with its recovery codes, and the way out of it. */
export function FactorsCard({ isWaiting }: { isWaiting: boolean }) {
  const queries = useQueryClient()
  const factors = useQuery({
    queryKey: ['factors'],
    queryFn: () => authority.request<Factors>('GET', routes.factors),
  })
  const [enrolment, setEnrolment] = useState<TotpEnrolment | null>(null)
  const [recoveryCodes, setRecoveryCodes] = useState<string[] | null>(null)
  const { busy, failure, run } = useRequest()
  const readAgain = async () => {
    await queries.invalidateQueries({ queryKey: ['me'] })
    await factors.refetch()
  }
  const add = () => run(async () => setEnrolment(await authority.request<TotpEnrolment>('POST', routes.totp)))
  const confirm = (otp: string) =>
    run(async () => {
      const answer = await authority.request<RecoveryCodes>('POST', routes.totpConfirm, { otp })
      setEnrolment(null)
      setRecoveryCodes(answer.recoveryCodes)
      await readAgain()
    })
  const remove = () =>
    run(async () => {
      await authority.request('DELETE', routes.totp)
      await readAgain()
    })
  const renew = () =>
    run(async () => {
      setRecoveryCodes((await authority.request<RecoveryCodes>('POST', routes.recoveryCodes)).recoveryCodes)
      await factors.refetch()
    })
  const { data } = factors
  return (
    <Card withBorder>
      <Stack>
        <Title order={2} size="h4">
          {text.factors}
        </Title>
        {factors.isPending && <Loader size="sm" aria-label={messages.loading} />}
        {factors.isError && <ReadFailure error={factors.error} again={() => void factors.refetch()} />}
        {data && <Text size="sm">{text.factor[data.secondFactor]}</Text>}
        {recoveryCodes && <NewRecoveryCodes codes={recoveryCodes} kept={() => setRecoveryCodes(null)} />}
        {enrolment && <Enrolment enrolment={enrolment} busy={busy} confirm={confirm} />}
        <FailureAlert failure={failure} />
        {data && data.secondFactor !== 'totp' && !enrolment && !isWaiting && (
          <Group>
            <Button loading={busy} onClick={() => void add()}>
              {text.addAuthenticator}
            </Button>
          </Group>
        )}
        {data?.secondFactor === 'totp' && !recoveryCodes && (
          <Group>
            <Text size="sm">{text.recoveryLeft(data.recoveryCodesLeft)}</Text>
            <Button size="xs" variant="default" loading={busy} onClick={() => void renew()}>
              {text.renewRecovery}
            </Button>
            {!data.authenticatorRequired && (
              <Button size="xs" variant="default" color="red" loading={busy} onClick={() => void remove()}>
                {text.removeAuthenticator}
              </Button>
            )}
          </Group>
        )}
      </Stack>
    </Card>
  )
}

interface EnrolmentProps {
  enrolment: TotpEnrolment
  busy: boolean
  confirm: (otp: string) => Promise<boolean>
}

function Enrolment({ enrolment: { uri, secret }, busy, confirm }: EnrolmentProps) {
  const [otp, setOtp] = useState('')
  const give = async (given: string) => {
    if (!(await confirm(given))) setOtp('')
  }
  return (
    <Stack align="center">
      <Text size="sm">{text.scan}</Text>
      <QrCode content={uri} label={text.scan} />
      <Text size="xs">
        {text.secret}: <Code>{secret.replaceAll(/(.{4})(?=.)/g, '$1 ')}</Code>
      </Text>
      <CodeEntry
        value={otp}
        onChange={setOtp}
        onComplete={(given) => void give(given)}
        disabled={busy}
        resend={null}
        firstWait={0}
      />
    </Stack>
  )
}

function NewRecoveryCodes({ codes, kept }: { codes: string[]; kept: () => void }) {
  const download = () => saveText('sealmq-recovery-codes.txt', `${codes.join('\n')}\n`)
  return (
    <Alert color="yellow" title={text.recoveryTitle}>
      <Stack gap="sm">
        <Text size="sm">{text.recoveryIntro}</Text>
        <Code block>{codes.join('\n')}</Code>
        <Group>
          <Button size="xs" onClick={download}>
            {text.download}
          </Button>
          <Button size="xs" variant="default" onClick={kept}>
            {text.kept}
          </Button>
        </Group>
      </Stack>
    </Alert>
  )
}
