import type { ComponentType } from 'react'
import { Desk, isAdministrator } from '../layout/desk.tsx'

/** A page behind the door to administration. */
export const atAdministration = (Page: ComponentType) => () => (
  <Desk door="administration" color="grape" admits={isAdministrator}>
    {() => <Page />}
  </Desk>
)
