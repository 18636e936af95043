import { Alert, Anchor, Button, Loader, Select, Stack, Text, TextInput } from '@mantine/core'
import type { CodeSent, SignUpChoices, SignUpStarted, Verified } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { CodeEntry } from '../layout/code-entry.tsx'
import { DoorCard } from '../layout/door-card.tsx'
import { FailureAlert, ReadFailure } from '../layout/failure-alert.tsx'
import { NewPassword } from '../layout/new-password.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.signUp

/** Asks for an account: address and role, then the code that proves the address, then the wait for approval. */
export function SignUpPage() {
  const choices = useQuery({
    queryKey: ['sign-up'],
    queryFn: () => authority.request<SignUpChoices>('GET', routes.signUp),
  })
  const [form, setForm] = useState({ email: '', name: '', password: '', role: null as string | null })
  const [started, setStarted] = useState<SignUpStarted | null>(null)
  const [state, setState] = useState<Verified['state'] | null>(null)
  const { busy, failure, run } = useRequest()
  const { name, password, role } = form
  const email = form.email.trim()
  const change = (part: Partial<typeof form>) => setForm((before) => ({ ...before, ...part }))

  const begin = async () => {
    const answer = await authority.request<SignUpStarted>('POST', routes.signUp, { email, name, password, role })
    setStarted(answer)
    return { retryAfter: answer.retryAfter } satisfies CodeSent
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void run(async () => {
      await begin()
    })
  }
  if (state !== null) {
    return (
      <DoorCard title={state === 'waiting' ? text.waitingTitle : text.title}>
        <Text>{state === 'waiting' ? text.waiting : text.ready}</Text>
        <Button component={Link} to="/account">
          {text.signIn}
        </Button>
      </DoorCard>
    )
  }
  if (started !== null) {
    const verify = (code: string) =>
      run(async () => {
        const request = { email, code, signUp: started.signUp }
        setState((await authority.request<Verified>('POST', routes.verify, request)).state)
      })
    return (
      <DoorCard title={text.verifyTitle} intro={text.verifyIntro(email)}>
        <VerifyStep busy={busy} failure={failure} verify={verify} resend={begin} firstWait={started.retryAfter} />
      </DoorCard>
    )
  }
  return (
    <DoorCard title={text.title} intro={text.intro}>
      {choices.isPending && <Loader aria-label={messages.loading} />}
      {choices.isError && <ReadFailure error={choices.error} again={() => void choices.refetch()} />}
      {choices.data && !choices.data.open && <Alert color="yellow">{text.closed}</Alert>}
      {choices.data?.open && (
        <form onSubmit={submit}>
          <Stack>
            <TextInput
              label={text.email}
              type="email"
              autoComplete="email"
              required
              withAsterisk={false}
              autoFocus
              maxLength={254}
              value={form.email}
              onChange={(event) => change({ email: event.currentTarget.value })}
            />
            <TextInput
              label={text.fullName}
              autoComplete="name"
              required
              withAsterisk={false}
              maxLength={100}
              value={name}
              onChange={(event) => change({ name: event.currentTarget.value })}
            />
            <Select
              label={text.role}
              data={choices.data.roles}
              required
              withAsterisk={false}
              value={role}
              onChange={(value) => change({ role: value })}
            />
            <NewPassword
              label={messages.signIn.password}
              value={password}
              onChange={(value) => change({ password: value })}
            />
            <FailureAlert failure={failure} />
            <Button type="submit" loading={busy} disabled={role === null}>
              {text.submit}
            </Button>
          </Stack>
        </form>
      )}
      <Anchor component={Link} to="/account" size="sm" underline="always">
        {text.signIn}
      </Anchor>
    </DoorCard>
  )
}

interface VerifyStepProps {
  busy: boolean
  failure: string | null
  verify: (code: string) => Promise<boolean>
  resend: () => Promise<CodeSent>
  firstWait: number
}

function VerifyStep({ busy, failure, verify, resend, firstWait }: VerifyStepProps) {
  const [code, setCode] = useState('')
  const give = async (given: string) => {
    if (!(await verify(given))) setCode('')
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void give(code)
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <CodeEntry
          value={code}
          onChange={setCode}
          onComplete={(given) => void give(given)}
          disabled={busy}
          resend={resend}
          firstWait={firstWait}
        />
        <FailureAlert failure={failure} />
        <Button type="submit" loading={busy} disabled={code.length < 6}>
          {messages.signIn.confirm}
        </Button>
      </Stack>
    </form>
  )
}
