import { Alert, Anchor, Button, Loader, Select, Stack, Text } from '@mantine/core'
import type { CodeSent, SignUpChoices, SignUpStarted, Verified } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { CodeForm } from '../layout/code-form.tsx'
import { DoorCard } from '../layout/door-card.tsx'
import { FailureAlert, ReadFailure } from '../layout/failure-alert.tsx'
import { NewPassword } from '../layout/new-password.tsx'
import { TextField } from '../layout/text-field.tsx'
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
        <CodeForm busy={busy} failure={failure} give={verify} resend={begin} firstWait={started.retryAfter} />
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
            <TextField
              label={text.email}
              type="email"
              autoComplete="email"
              autoFocus
              maxLength={254}
              value={form.email}
              onChange={(value) => change({ email: value })}
            />
            <TextField
              label={text.fullName}
              autoComplete="name"
              maxLength={100}
              value={name}
              onChange={(value) => change({ name: value })}
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
