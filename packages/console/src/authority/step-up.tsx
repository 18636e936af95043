import { Alert, Button, Group, Modal, PasswordInput, Stack, Text } from '@mantine/core'
import { routes } from '@sealmq/protocol/routes'
import { createContext, type FormEvent, type ReactNode, use, useCallback, useRef, useState } from 'react'
import { CodeEntry } from '../layout/code-entry.tsx'
import { messages } from '../messages/english.ts'
import { authority } from './authority.ts'
import { failureText, isFailure } from './failure-text.ts'

type Factor = 'totp' | 'email' | 'password'
type Act = <T>(action: () => Promise<T>) => Promise<T>

/** What an action ends with when its person gives no fresh factor. */
export class StepUpRefused extends Error {}

const StepUp = createContext<Act>((action) => action())

/** Runs a change; where it needs a fresh factor, asks for one and repeats it. @throws StepUpRefused, and what the change throws */
export const useAct = (): Act => use(StepUp)

export function StepUpProvider({ children }: { children: ReactNode }) {
  const [factor, setFactor] = useState<Factor | null>(null)
  const waiting = useRef<{ resolve: () => void; reject: (error: Error) => void } | null>(null)
  const act: Act = useCallback(async (action) => {
    try {
      return await action()
    } catch (error) {
      if (!isFailure(error, 'step-up-required')) throw error
      await new Promise<void>((resolve, reject) => {
        waiting.current = { resolve, reject }
        setFactor((error.factor as Factor | undefined) ?? 'password')
      })
      return action()
    }
  }, [])
  const finish = (given: boolean) => {
    setFactor(null)
    if (given) waiting.current?.resolve()
    else waiting.current?.reject(new StepUpRefused())
    waiting.current = null
  }
  return (
    <StepUp value={act}>
      {children}
      <Modal opened={factor !== null} onClose={() => finish(false)} title={messages.stepUp.title} centered>
        {factor !== null && <FactorForm factor={factor} done={finish} />}
      </Modal>
    </StepUp>
  )
}

function FactorForm({ factor, done }: { factor: Factor; done: (given: boolean) => void }) {
  const [value, setValue] = useState('')
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const give = async (given: string) => {
    setBusy(true)
    setFailure(null)
    try {
      await authority.request('POST', routes.stepUp, factor === 'password' ? { password: given } : { otp: given })
      done(true)
    } catch (error) {
      setFailure(failureText(error))
      setValue('')
    } finally {
      setBusy(false)
    }
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void give(value)
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        <Text size="sm">{messages.stepUp.intro[factor]}</Text>
        {factor === 'password' ? (
          <PasswordInput
            label={messages.signIn.password}
            autoComplete="current-password"
            value={value}
            onChange={(event) => setValue(event.currentTarget.value)}
            visibilityToggleButtonProps={{ 'aria-label': messages.password.show }}
            data-autofocus
          />
        ) : (
          <CodeEntry
            value={value}
            onChange={setValue}
            onComplete={give}
            disabled={busy}
            resend={factor === 'email' ? () => authority.request('POST', routes.stepUpSend) : null}
            firstWait={0}
          />
        )}
        {failure && (
          <Alert color="red" role="alert">
            {failure}
          </Alert>
        )}
        <Group justify="end">
          <Button variant="default" onClick={() => done(false)}>
            {messages.stepUp.cancel}
          </Button>
          <Button type="submit" loading={busy} disabled={value === ''}>
            {messages.stepUp.confirm}
          </Button>
        </Group>
      </Stack>
    </form>
  )
}
