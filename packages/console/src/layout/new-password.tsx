import { PasswordInput } from '@mantine/core'
import { messages } from '../messages/english.ts'

/** A field for a password that is to be; the authority judges it. */
export function NewPassword({
  label,
  value,
  onChange,
}: {
  label: string
  value: string
  onChange: (value: string) => void
}) {
  return (
    <PasswordInput
      label={label}
      description={messages.password.hint}
      autoComplete="new-password"
      required
      withAsterisk={false}
      maxLength={1024}
      value={value}
      onChange={(event) => onChange(event.currentTarget.value)}
      visibilityToggleButtonProps={{ 'aria-label': messages.password.show }}
    />
  )
}
