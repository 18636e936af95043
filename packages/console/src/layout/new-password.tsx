import { messages } from '../messages/english.ts'
import { PasswordField } from './text-field.tsx'

/** A field for a password that is to be; the authority judges it. */
export function NewPassword(props: { label: string; value: string; onChange: (value: string) => void }) {
  return <PasswordField description={messages.password.hint} autoComplete="new-password" {...props} />
}
