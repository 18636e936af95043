import { Progress, Stack, Text } from '@mantine/core'
import { messages } from '../messages/english.ts'
import { PasswordField } from './text-field.tsx'

const text = messages.password.strength
const leastLength = 8
const goodLength = 16
const fewDifferent = 5

/** A field for a password that is to be; the authority judges it. */
export function NewPassword(props: { label: string; value: string; onChange: (value: string) => void }) {
  const { value } = props
  const estimate = estimated(value)
  return (
    <Stack gap={4}>
      <PasswordField description={messages.password.hint} autoComplete="new-password" {...props} />
      {value !== '' && (
        <>
          <Progress size="xs" value={estimate.share} color={estimate.color} aria-hidden="true" />
          <Text size="xs" role="status">
            {estimate.says}
          </Text>
        </>
      )}
    </Stack>
  )
}

// From what is seen here alone: the word lists stay with the authority.
function estimated(password: string): { share: number; color: string; says: string } {
  const { length } = [...password]
  if (length < leastLength) return { share: 10, color: 'red', says: text.short(leastLength - length) }
  if (new Set(password).size < fewDifferent) return { share: 25, color: 'red', says: text.plain }
  if (length < goodLength) return { share: 60, color: 'yellow', says: text.fair }
  return { share: 100, color: 'teal', says: text.good }
}
