import { Anchor, Button, Stack, Text } from '@mantine/core'
import { routes } from '@sealmq/protocol/routes'
import { Link } from '@tanstack/react-router'
import { type FormEvent, useState } from 'react'
import { authority } from '../authority/authority.ts'
import { DoorCard } from '../layout/door-card.tsx'
import { FailureAlert } from '../layout/failure-alert.tsx'
import { NewPassword } from '../layout/new-password.tsx'
import { TextField } from '../layout/text-field.tsx'
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
    <TextField
      label={messages.signIn.name}
      autoComplete="username"
      autoCapitalize="none"
      maxLength={254}
      value={name}
      onChange={setName}
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
            <TextField
              label={text.code}
              autoComplete="one-time-code"
              autoFocus
              maxLength={64}
              value={code}
              onChange={setCode}
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
