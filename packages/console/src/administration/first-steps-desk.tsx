import { Desk, isAdministrator } from '../layout/desk.tsx'
import { FirstStepsPage } from './first-steps-page.tsx'

/** First steps, behind the door to administration. */
export function FirstStepsDesk() {
  return (
    <Desk door="administration" color="grape" admits={isAdministrator}>
      {(me) => <FirstStepsPage me={me} />}
    </Desk>
  )
}
