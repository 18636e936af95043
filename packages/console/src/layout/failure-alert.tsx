import { Alert, Button, Stack } from '@mantine/core'
import { failureText } from '../authority/failure-text.ts'
import { messages } from '../messages/english.ts'

/** What went wrong, told at once to those who listen instead of look. */
export function FailureAlert({ failure }: { failure: string | null }) {
  if (failure === null) return null
  return (
    <Alert color="red" role="alert" variant="light">
      {failure}
    </Alert>
  )
}

/** What could not be read, and the way to try again. */
export function ReadFailure({ error, again }: { error: unknown; again: () => void }) {
  return (
    <Stack align="start">
      <FailureAlert failure={failureText(error)} />
      <Button variant="default" onClick={again}>
        {messages.tryAgain}
      </Button>
    </Stack>
  )
}
