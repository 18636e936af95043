import { Anchor, Button, Stack, Text, TextInput } from '@mantine/core'
import { routes } from '@sealmq/protocol/routes'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { DoorCard } from '../layout/door-card.tsx'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { NewPassword } from '../layout/new-password.tsx'
import { useRequest } from '../layout/use-request.ts'
import { messages } from '../messages/english.ts'

const text = messages.forgot

/** Asks for a code by mail, and sets a new password with it, or with one that an administrator handed over. */
export function ForgotPasswordPage() {
  const [step, setStep] = useState<'ask' | 'set' | 'done'>('ask')
  const [name, setName] = useState('')
  const [code, setCode] = useState('')
  const [password, setPassword] = useState('')
  const { busy, failure, run, clear } = useRequest()
  const email = name.trim()
  const ask = (event: FormEvent) => {
    event.preventDefault()
    void run(async () => {
      await authority.request('POST', routes.passwordForgot, { email })
      setStep('set')
    })
  }
  const set = (event: FormEvent) => {
    event.preventDefault()
    void run(async () => {
      await authority.request('POST', routes.passwordReset, { email, code, password })
      setStep('done')
    })
  }
  const nameField = (
    <TextInput
      label={messages.signIn.name}
      autoComplete="username"
      autoCapitalize="none"
      required
      withAsterisk={false}
      maxLength={254}
      value={name}
      onChange={(event) => setName(event.currentTarget.value)}
    />
  )
  return (
    <DoorCard title={text.title} intro={step === 'ask' ? text.intro : step === 'set' ? text.codeIntro : undefined}>
      {step === 'ask' && (
        <form onSubmit={ask}>
          <Stack>
            {nameField}
            <FailureAlert failure={failure} />
            <Button type="submit" loading={busy}>
              {text.submit}
            </Button>
            <Button
              variant="subtle"
              onClick={() => {
                clear()
                setStep('set')
              }}
            >
              {text.haveCode}
            </Button>
          </Stack>
        </form>
      )}
      {step === 'set' && (
        <form onSubmit={set}>
          <Stack>
            {nameField}
            <TextInput
              label={text.code}
              autoComplete="one-time-code"
              required
              withAsterisk={false}
              autoFocus
              maxLength={64}
              value={code}
              onChange={(event) => setCode(event.currentTarget.value)}
            />
            <NewPassword label={text.newPassword} value={password} onChange={setPassword} />
            <FailureAlert failure={failure} />
            <Button type="submit" loading={busy}>
              {text.reset}
            </Button>
          </Stack>
        </form>
      )}
      {step === 'done' && <Text role="status">{text.done}</Text>}
      <Anchor component={Link} to="/account" size="sm" underline="always">
        {messages.signUp.signIn}
      </Anchor>
    </DoorCard>
  )
}
