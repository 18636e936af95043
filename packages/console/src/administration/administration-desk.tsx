import { Desk, isAdministrator } from '../layout/desk.tsx'
import { PeoplePage } from './people-page.tsx'

/** The door to administration. */
export function AdministrationDesk() {
  return (
    <Desk door="administration" color="grape" admits={isAdministrator}>
      {() => <PeoplePage />}
    </Desk>
  )
}
