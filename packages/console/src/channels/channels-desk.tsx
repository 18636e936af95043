import { Desk, isAdministrator } from '../layout/desk.tsx'
import { ChannelsPage } from './channels-page.tsx'

/** Channels, behind the door to administration. */
export function ChannelsDesk() {
  return (
    <Desk door="administration" color="grape" admits={isAdministrator}>
      {() => <ChannelsPage />}
    </Desk>
  )
}
