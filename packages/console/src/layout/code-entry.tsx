import { Alert, Button, Input, PinInput, Stack } from '@mantine/core'
import type { CodeSent } from '@sealmq/protocol/api'
import { useEffect, useState } from 'react'
import { failureText, isFailure } from '../authority/failure-text.ts'
import { messages } from '../messages/english.ts'

interface CodeEntryProps {
  value: string
  onChange: (value: string) => void
  /** All six digits are there: typed, pasted or filled in by the browser. */
  onComplete: (value: string) => void
  disabled?: boolean
  /** Asks for another code; null where codes come from an authenticator. */
  resend: (() => Promise<CodeSent | unknown>) | null
  /** Seconds before another may be asked for, at first. */
  firstWait: number
}

/** Six boxes for a code, and the way to another one. */
export function CodeEntry({ value, onChange, onComplete, disabled, resend, firstWait }: CodeEntryProps) {
  return (
    <Stack gap="xs" align="center">
      <Input.Wrapper label={messages.signIn.codeLabel} labelElement="div" ta="center">
        <PinInput
          length={6}
          type="number"
          inputMode="numeric"
          oneTimeCode
          autoFocus
          size="md"
          mt={4}
          value={value}
          onChange={onChange}
          onComplete={onComplete}
          disabled={disabled}
          getInputProps={(index: number) => ({ 'aria-label': `${messages.signIn.codeLabel}, ${index + 1}` })}
        />
      </Input.Wrapper>
      {resend && <Resend resend={resend} firstWait={firstWait} />}
    </Stack>
  )
}

function Resend({ resend, firstWait }: { resend: () => Promise<CodeSent | unknown>; firstWait: number }) {
  const [left, setLeft] = useState(firstWait)
  const [failure, setFailure] = useState<string | null>(null)
  const isCounting = left > 0
  useEffect(() => {
    if (!isCounting) return
    const timer = setInterval(() => setLeft((seconds) => Math.max(0, seconds - 1)), 1000)
    return () => clearInterval(timer)
  }, [isCounting])
  const again = async () => {
    setFailure(null)
    try {
      setLeft(((await resend()) as Partial<CodeSent> | undefined)?.retryAfter ?? 30)
    } catch (error) {
      if (isFailure(error, 'too-many-tries')) setLeft(error.retryAfter ?? 30)
      setFailure(failureText(error))
    }
  }
  return (
    <>
      <Button variant="subtle" size="compact-sm" disabled={isCounting} onClick={() => void again()}>
        {isCounting ? messages.signIn.resendIn(left) : messages.signIn.resend}
      </Button>
      {failure && (
        <Alert color="red" role="alert">
          {failure}
        </Alert>
      )}
    </>
  )
}
