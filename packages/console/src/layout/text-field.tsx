import { PasswordInput, type PasswordInputProps, TextInput, type TextInputProps } from '@mantine/core'
import { messages } from '../messages/english.ts'

type Field<Props> = Omit<Props, 'value' | 'onChange'> & { value: string; onChange: (value: string) => void }

/** A line of text that must be filled in; with `required={false}` one that may stay empty. */
export function TextField({ onChange, ...props }: Field<TextInputProps>) {
  return (
    <TextInput required withAsterisk={false} onChange={(event) => onChange(event.currentTarget.value)} {...props} />
  )
}

/** A password that is hidden until its holder looks at it. */
export function PasswordField({ onChange, ...props }: Field<PasswordInputProps>) {
  return (
    <PasswordInput
      required
      withAsterisk={false}
      maxLength={1024}
      onChange={(event) => onChange(event.currentTarget.value)}
      visibilityToggleButtonProps={{ 'aria-label': messages.password.show }}
      {...props}
    />
  )
}
