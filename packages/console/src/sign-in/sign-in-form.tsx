import { Anchor, Button, Group, Stack } from '@mantine/core'
import type { LoginRequest, Session } from '@sealmq/protocol/api'
import { routes } from '@sealmq/protocol/routes'
import { useQueryClient } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { failureText, isFailure } from '../authority/failure-text.ts'
import { setMe } from '../authority/signed-in.ts'
import { CodeForm } from '../layout/code-form.tsx'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { PasswordField, TextField } from '../layout/text-field.tsx'
import { messages } from '../messages/english.ts'

const text = messages.signIn

/** Password, then the second factor where there is one. The password stays in this form until then, and nowhere else. */
export function SignInForm() {
  const queries = useQueryClient()
  const [name, setName] = useState('')
  const [password, setPassword] = useState('')
  const [factor, setFactor] = useState<'totp' | 'email' | null>(null)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)

  const signIn = async (given: Pick<LoginRequest, 'otp' | 'recoveryCode'>): Promise<void> => {
    setBusy(true)
    setFailure(null)
    try {
      const request: LoginRequest = { email: name.trim(), password, cookie: true, ...given }
      const { me } = await authority.request<Session>('POST', routes.login, request)
      setMe(queries, me)
    } catch (error) {
      if (isFailure(error, 'otp-required') && (error.factor === 'totp' || error.factor === 'email')) {
        setFactor(error.factor)
        return
      }
      setFailure(failureText(error))
    } finally {
      setBusy(false)
    }
  }
  const back = () => {
    setFactor(null)
    setPassword('')
    setFailure(null)
  }
  if (factor !== null) {
    return (
      <FactorStep factor={factor} busy={busy} failure={failure} give={signIn} back={back} again={() => signIn({})} />
    )
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void signIn({})
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <TextField
          label={text.name}
          autoComplete="username"
          autoCapitalize="none"
          spellCheck={false}
          autoFocus
          maxLength={254}
          value={name}
          onChange={setName}
        />
        <PasswordField label={text.password} autoComplete="current-password" value={password} onChange={setPassword} />
        <FailureAlert failure={failure} />
        <Button type="submit" loading={busy}>
          {text.submit}
        </Button>
        <Group justify="space-between">
          <Anchor component={Link} to="/forgot-password" size="sm" underline="always">
            {text.forgot}
          </Anchor>
          <Anchor component={Link} to="/sign-up" size="sm" underline="always">
            {text.signUp}
          </Anchor>
        </Group>
      </Stack>
    </form>
  )
}

interface FactorStepProps {
  factor: 'totp' | 'email'
  busy: boolean
  failure: string | null
  give: (given: Pick<LoginRequest, 'otp' | 'recoveryCode'>) => Promise<void>
  back: () => void
  /** Signs in without a code once more, which mails another. */
  again: () => Promise<void>
}

function FactorStep({ factor, busy, failure, give, back, again }: FactorStepProps) {
  const [isRecovery, setIsRecovery] = useState(false)
  return (
    <CodeForm
      key={String(isRecovery)}
      intro={isRecovery ? text.recoveryHint : text.codeIntro[factor]}
      other={
        isRecovery
          ? (value, change) => (
              <TextField label={text.recovery} autoComplete="off" autoFocus value={value} onChange={change} />
            )
          : null
      }
      busy={busy}
      failure={failure}
      give={(given) => give(isRecovery ? { recoveryCode: given } : { otp: given })}
      resend={factor === 'email' ? again : null}
      firstWait={30}
    >
      <Group justify="space-between">
        <Button variant="subtle" size="compact-sm" onClick={back}>
          {text.back}
        </Button>
        {factor === 'totp' && (
          <Button variant="subtle" size="compact-sm" onClick={() => setIsRecovery(!isRecovery)}>
            {isRecovery ? text.useCode : text.useRecovery}
          </Button>
        )}
      </Group>
    </CodeForm>
  )
}
