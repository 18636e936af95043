import { Desk } from '../layout/desk.tsx'
import { PeoplePage } from './people-page.tsx'

/** The door to administration. */
export function AdministrationDesk() {
  return (
    <Desk door="administration" color="grape" admits={(me) => me.administrator && me.state === 'active'}>
      {() => <PeoplePage />}
    </Desk>
  )
}
