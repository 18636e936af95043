import { Button, Stack } from '@mantine/core'
import type { Session, SetupRequest } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQueryClient } from '@tanstack/react-query'
import { useNavigate } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { setMe } from '../authority/signed-in.ts'
import { DoorCard } from '../layout/door-card.tsx'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { NewPassword } from '../layout/new-password.tsx'
import { TextField } from '../layout/text-field.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.setup

/** Makes the first administrator and signs it in. */
export function SetupPage() {
  const queries = useQueryClient()
  const navigate = useNavigate()
  const [form, setForm] = useState<SetupRequest>({ code: '', email: '', name: '', password: '' })
  const { busy, failure, run } = useRequest()
  const change = (part: Partial<SetupRequest>) => setForm((before) => ({ ...before, ...part }))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void run(async () => {
      const request: SetupRequest = { ...form, code: form.code.trim(), email: form.email.trim(), cookie: true }
      const { me } = await authority.request<Session>('POST', routes.setup, request)
      await queries.invalidateQueries({ queryKey: ['deployment'] })
      setMe(queries, me)
      await navigate({ to: '/admin/start', replace: true })
    })
  }
  return (
    <DoorCard title={text.title} intro={text.intro} color="grape">
      <form onSubmit={submit}>
        <Stack>
          <TextField
            label={text.code}
            autoComplete="off"
            spellCheck={false}
            autoFocus
            maxLength={64}
            value={form.code}
            onChange={(code) => change({ code })}
          />
          <TextField
            label={messages.signUp.email}
            autoComplete="username"
            maxLength={254}
            value={form.email}
            onChange={(email) => change({ email })}
          />
          <TextField
            label={messages.signUp.fullName}
            autoComplete="name"
            maxLength={100}
            value={form.name}
            onChange={(name) => change({ name })}
          />
          <NewPassword
            label={messages.signIn.password}
            value={form.password}
            onChange={(password) => change({ password })}
          />
          <FailureAlert failure={failure} />
          <Button type="submit" loading={busy}>
            {text.submit}
          </Button>
        </Stack>
      </form>
    </DoorCard>
  )
}
