import { Button, Modal } from '@mantine/core'
import { routes } from '@sealmq/protocol/routes'
import { createContext, type ReactNode, use, useCallback, useRef, useState } from 'react'
import { CodeForm } from '../layout/code-form.tsx'
import { PasswordField } from '../layout/text-field.tsx'
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

interface FactorFormProps {
  factor: Factor
  intro?: string
  /** What the way out is called. */
  leave?: string
  done: (given: boolean) => void
}

/** Asks for a fresh factor. */
export function FactorForm({ factor, intro, leave, done }: FactorFormProps) {
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
    } finally {
      setBusy(false)
    }
  }
  const password = (value: string, change: (value: string) => void) => (
    <PasswordField
      label={messages.signIn.password}
      autoComplete="current-password"
      value={value}
      onChange={change}
      data-autofocus
    />
  )
  return (
    <CodeForm
      intro={intro ?? messages.stepUp.intro[factor]}
      other={factor === 'password' ? password : null}
      busy={busy}
      failure={failure}
      give={give}
      resend={factor === 'email' ? () => authority.request('POST', routes.stepUpSend) : null}
    >
      <Button variant="default" onClick={() => done(false)}>
        {leave ?? messages.cancel}
      </Button>
    </CodeForm>
  )
}
