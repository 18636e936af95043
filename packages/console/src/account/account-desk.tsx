import { Desk } from '../layout/desk.tsx'
import { AccountPage } from './account-page.tsx'

/** The door to one's own account: open to everybody who is signed in. */
export function AccountDesk() {
  return (
    <Desk door="account" color="teal" admits={() => true}>
      {(me) => <AccountPage me={me} />}
    </Desk>
  )
}
