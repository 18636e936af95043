import { Button, Stack, Text } from '@mantine/core'
import { type FormEvent, type ReactNode, useState } from 'react'
import { messages } from '../messages/english.ts'
import { CodeEntry } from './code-entry.tsx'
import { FailureAlert } from './failure-alert.tsx'

interface CodeFormProps {
  intro?: string
  /** What is asked for in place of six digits. */
  other?: ((value: string, change: (value: string) => void) => ReactNode) | null
  busy: boolean
  failure: string | null
  /** Gives what was entered. Afterwards the boxes are empty: a code is good once. */
  give: (value: string) => Promise<unknown>
  /** Asks for another code; null where codes come from an authenticator. */
  resend: (() => Promise<unknown>) | null
  /** Seconds before another may be asked for, at first. */
  firstWait?: number
  /** Other ways on, under the button. */
  children?: ReactNode
}

/** A form for one code, password or recovery code. */
export function CodeForm(props: CodeFormProps) {
  const { intro, other, busy, failure, give, resend, firstWait = 0, children } = props
  const [value, setValue] = useState('')
  const tryIt = async (given: string) => {
    await give(given)
    setValue('')
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    void tryIt(value)
  }
  return (
    <form onSubmit={submit}>
      <Stack>
        {intro !== undefined && <Text size="sm">{intro}</Text>}
        {other ? (
          other(value, setValue)
        ) : (
          <CodeEntry
            value={value}
            onChange={setValue}
            onComplete={(given) => void tryIt(given)}
            disabled={busy}
            resend={resend}
            firstWait={firstWait}
          />
        )}
        <FailureAlert failure={failure} />
        <Button type="submit" loading={busy} disabled={value.length < (other ? 1 : 6)}>
          {messages.signIn.confirm}
        </Button>
        {children}
      </Stack>
    </form>
  )
}
